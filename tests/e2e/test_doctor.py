"""`doctor`."""

import json
import os
import shutil
import signal
import socket
from pathlib import Path

import pytest

from .conftest import alive, eventually, processes_of
from .test_journal import spoil

LINUX = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="processes are found in /proc")


def found_by(ran, what):
    return [finding for finding in ran.json["findings"] if finding["what"] == what]


def level_of(ran, what):
    """The one level of the findings about it."""
    (level,) = {finding["level"] for finding in found_by(ran, what)}
    return level


def attempt_of(cli, graph):
    """The pid of its shim, once it runs."""
    eventually(lambda: cli("status", graph, "--json").json["tasks"][0]["state"] == "running")
    record = next(Path(cli.home, "attempts").glob(f"*/{graph}/*.jsonl"))
    return eventually(lambda: b'"pid":' in record.read_bytes()) and int(
        record.read_text().split('"pid":')[1].partition("}")[0]
    )


def test_with_a_daemon_without_and_before_there_is_a_home(cli, tmp_path):
    none = cli("doctor", "--json", "--home", str(tmp_path / "none"))
    assert set(none.json) == {"home", "well", "findings"}
    assert level_of(none, "home") == "note"
    assert not (tmp_path / "none").exists()
    cli("up")
    up = cli("doctor", "--json")
    assert up.json["well"] is True
    whats = {finding["what"] for finding in up.json["findings"]}
    assert whats >= {
        "home", "permissions", "config", "disk", "sockets", "journal", "orphans", "clock", "worker shell",
        "worker python", "worker claude", "daemon", "hosts",
    }  # fmt: skip
    assert {level_of(up, what) for what in ("home", "permissions", "journal", "daemon", "hosts")} == {"good"}
    cli("down")
    down = cli("doctor")
    assert "none runs" in down.out
    assert "error" not in down.out


def test_it_changes_nothing(cli):
    cli("run", "--", "true")
    cli("down")
    before = {path: path.stat().st_mtime_ns for path in Path(cli.home).rglob("*")}
    cli("doctor")
    assert {path: path.stat().st_mtime_ns for path in Path(cli.home).rglob("*")} == before


def test_what_is_wrong_with_the_home_is_an_error_with_something_to_do(cli, tmp_path):
    Path(cli.home, "config.toml").write_text("[workers.shel]\nlimit = 1\n")
    ran = cli("doctor", "--json", code=1)
    assert ran.json["well"] is False
    (config,) = found_by(ran, "config")
    assert (config["level"], "shel" in config["message"]) == ("error", True)
    assert config["hint"]
    Path(cli.home, "config.toml").unlink()
    (tmp_path / "file").write_text("")
    assert level_of(cli("doctor", "--json", "--home", str(tmp_path / "file"), code=1), "home") == "error"
    other = tmp_path / "other"
    other.mkdir(mode=0o755)
    (other / "thesis.txt").write_text("")
    ran = cli("doctor", "--home", str(other), code=1)
    assert "is no daemon's home" in ran.out
    assert "chmod" not in ran.out  # `--home /etc`, typed by root
    Path(cli.home).chmod(0o755)
    assert level_of(cli("doctor", "--json"), "permissions") == "warning"
    Path(cli.home).chmod(0o700)
    Path(cli.home, "lock").symlink_to("/dev/null")
    assert level_of(cli("doctor", "--json", code=1), "permissions") == "error"
    Path(cli.home, "lock").unlink()


@pytest.mark.skipif(os.getuid() != 0, reason="needs somebody else's folder")
def test_a_foreign_home(cli, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    os.chown(foreign, 12345, 12345)
    ran = cli("doctor", "--json", "--home", str(foreign), code=1)
    (home,) = found_by(ran, "home")
    assert "belongs to user 12345" in home["message"]


def test_a_broken_journal(cli):
    for _ in range(2):
        cli("run", "--", "true")
    cli("down")
    spoil(cli, 2)
    ran = cli("doctor", "--json", code=1)
    (journal,) = found_by(ran, "journal")
    assert (journal["level"], "sequence 2" in journal["message"]) == ("error", True)
    assert "journal verify" in journal["hint"]
    shutil.rmtree(os.path.join(cli.home, "journal"))  # so that the daemon that clears up can start


def test_what_a_start_does_not_need_is_a_warning(cli):
    for _ in range(2):
        cli("run", "--", "true")
    cli("journal", "compact")
    cli("down")
    assert level_of(cli("doctor", "--json"), "journal") == "good"
    first = Path(cli.home, "journal", "00000001.jsonl")
    first.write_bytes(first.read_bytes().replace(b'"t":', b'"T":', 1))
    ran = cli("doctor", "--json")
    assert {found["level"] for found in found_by(ran, "journal")} == {"good", "warning"}
    assert "snapshot-" in cli("journal", "verify", code=1).out
    assert cli("up").code == 0


def test_a_daemon_that_does_not_answer(cli):
    cli("up")
    pid = cli.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        ran = cli("doctor", "--json", code=1)
    finally:
        os.kill(pid, signal.SIGCONT)
    (daemon,) = found_by(ran, "daemon")
    assert "does not answer" in daemon["message"]
    assert str(pid) in daemon["message"]


def test_programs_are_asked_for_their_versions(cli, tmp_path):
    for name, says in (("claude", "echo 2.1.0"), ("opencode", "echo 2.0.3"), ("third", "exit 1")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{says}\n")
        program.chmod(0o755)
    Path(cli.home, "config.toml").write_text(
        f'[workers.claude]\nprogram = "{tmp_path}/claude"\n[workers.opencode]\nprogram = "{tmp_path}/opencode"\n'
        f'[workers.third]\nkind = "agent"\nargv = ["{tmp_path}/nowhere", "{{prompt}}"]\n'
    )
    ran = cli("doctor", "--json")
    assert "2.1.0" in found_by(ran, "worker claude")[0]["message"]
    assert level_of(ran, "worker opencode") == "warning"
    assert level_of(ran, "worker third") == "warning"


def test_a_parked_worker_type(cli):
    Path(cli.home, "config.toml").write_text("[hosts]\ndeaths = 1\n")
    cli("up")
    host = eventually(lambda: cli("status", "--json").json["workers"][0]["pid"])
    os.kill(host, signal.SIGKILL)
    eventually(lambda: cli("status", "--json").json["workers"][0]["state"] == "parked")
    ran = cli("doctor", "--json")
    (hosts,) = found_by(ran, "hosts")
    assert (hosts["level"], hosts["hint"]) == ("warning", "try it again: orch-actors resume --worker shell")


def test_what_a_stopped_daemon_left_running_is_no_orphan(cli):
    graph = cli("submit", "--json", "--", "sleep", "61").json["graph"]
    pid = attempt_of(cli, graph)
    cli("down")
    assert level_of(cli("doctor", "--json"), "orphans") == "good"
    assert cli("doctor", "--end-orphans", "--yes", "--json").json == {"home": cli.home, "ended": [], "left": []}
    assert alive(pid)


@LINUX
@pytest.mark.parametrize("gone", ["home", "journal"])
def test_orphans_are_found_and_ended_with_all_that_they_started(cli, gone):
    command = "trap '' TERM; setsid sleep 62 & sleep 61; wait"
    graph = cli("submit", "--json", "--", "sh", "-c", command).json["graph"]
    pid = attempt_of(cli, graph)
    cli.kill_daemon()
    eventually(lambda: len(processes_of(cli.home)) >= 3)
    shutil.rmtree(os.path.join(cli.home, "journal") if gone == "journal" else cli.home)
    if gone == "journal":
        cli("up")  # begins anew, and knows nothing of it
    ran = cli("doctor", "--json")
    (orphan,) = [found for found in found_by(ran, "orphans") if found["level"] == "warning"]
    assert f"attempt {graph}/sh/1 (pid {pid}) runs" in orphan["message"]
    assert "--end-orphans" in orphan["hint"]
    assert "--yes" in cli("doctor", "--end-orphans", "--json", text="", code=2).error["hint"]
    assert alive(pid)
    ended = cli("doctor", "--end-orphans", "--yes", "--json").json
    assert (ended["ended"], ended["left"]) == ([f"{graph}/sh/1"], [])
    eventually(lambda: not alive(pid))
    if gone == "home":
        eventually(lambda: not processes_of(cli.home))
        assert not os.path.exists(cli.home)
        os.mkdir(cli.home, 0o700)
    else:
        assert cli("status", "--json").json["graphs"] == []
    assert cli("doctor", "--end-orphans").out == f"no orphans of {cli.home} run\n"


def test_yes_alone_is_told(cli):
    assert "--end-orphans" in cli("doctor", "--yes", "--json", code=2).error["message"]


def test_a_stale_socket_is_no_daemon(cli):
    os.makedirs(os.path.join(cli.home, "run"), mode=0o700)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(os.path.join(cli.home, "run", "commands.sock"))
    assert level_of(cli("doctor", "--json"), "daemon") == "note"


def test_callbacks_and_files_that_do_not_work_are_named_until_they_do(cli, tmp_path):
    gate, place = tmp_path / "gate", tmp_path / "place"
    place.write_text("in the way")
    command = f"test -e {gate} || {{ echo no gate >&2; exit 3; }}"
    Path(cli.home, "config.toml").write_text(f"[callbacks.mail]\non = ['graph_ended']\ncommand = '{command}'\n")
    cli("up")
    assert "courier" in {finding["what"] for finding in eventually_all(cli, lambda told: level_in(told) == {"good"})}
    hold = {"id": "hold", "command": "true", "approve": True}
    told = {"on": ["decision_asked"], "command": "exit 4"}
    document = {"name": "own", "files": str(place / "box"), "callbacks": [told], "tasks": [hold]}
    cli("submit", "-", text=json.dumps(document))
    cli("run", "--", "true")
    found = eventually_all(cli, lambda told: len(about(told)) == 3)
    messages = sorted(finding["message"] for finding in about(found))
    for message, (of, why) in zip(
        messages, [("callback 1 of g1", "4"), ("callback mail", "no gate"), ("files of g1", "Not a dir")], strict=True
    ):
        assert message.startswith(of)
        assert why in message
    place.unlink()
    gate.touch()
    cli("consumers", "forget", "graph.g1.1")
    eventually_all(cli, lambda told: level_in(told) == {"good"})


def about(findings):
    return [finding for finding in findings if finding["what"] == "courier"]


def level_in(findings):
    return {finding["level"] for finding in about(findings)}


def eventually_all(cli, holds):
    """All findings, once they are as they should be."""
    return eventually(lambda: holds(found := cli("doctor", "--json").json["findings"]) and found, within=60)
