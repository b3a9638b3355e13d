"""`up`."""

import os
import shutil
import signal
import socket
from pathlib import Path

import pytest

from orch_actors.protocol.homes import Home

from .conftest import Cli, alive, eventually, say_go

SUPERVISOR = {"pid", "version", "home", "endpoint", "started_utc"}


def test_up_and_again(cli):
    first = cli("up")
    assert first.out.startswith("orch-actors is up: pid ")
    assert cli.home in first.out
    again = cli("up")
    assert again.out == first.out.rstrip("\n") + " (it was up already)\n"


def test_json(cli):
    status = cli("up", "--json").json
    assert set(status) == {"supervisor", "workers", "graphs", "traffic", "elsewhere", "compaction"}
    assert set(status["supervisor"]) >= SUPERVISOR
    assert status["supervisor"]["home"] == cli.home
    assert status["graphs"] == []
    for worker in status["workers"]:
        assert set(worker) >= {"type", "pid", "state", "running", "limit"}
    again = cli("--json", "up").json
    assert again["supervisor"]["pid"] == status["supervisor"]["pid"]


def test_many_at_once_are_one(cli):
    processes = [cli.start("up", "--json") for _ in range(4)]
    ends = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, ends
    pids = {line.split(b'"pid":')[1].split(b",")[0] for line, _ in ends}
    assert len(pids) == 1


def test_it_is_detached(cli):
    extra = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(extra, True)
    try:
        pid = cli("up", "--json").json["supervisor"]["pid"]
    finally:
        os.close(extra)
    assert os.getsid(pid) == pid
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    assert os.readlink(f"/proc/{pid}/fd/1") == os.path.join(cli.home, "daemon.log")
    targets = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    assert targets.count("/dev/null") == 1
    status = Path(f"/proc/{pid}/status").read_text()
    assert "Umask:\t0077" in status


def test_the_home_is_private(cli):
    os.chmod(cli.home, 0o755)
    cli("up")
    assert os.stat(cli.home).st_mode & 0o777 == 0o700


def test_foreground(cli):
    process = cli.start("up", "--foreground")
    eventually(lambda: cli.attempt("status").code == 0)
    assert cli.pid() == process.pid
    in_the_way = cli("up", "--foreground", code=100)
    assert "is running" in in_the_way.err
    assert "hint: stop it: orch-actors down" in in_the_way.err
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, b"Traceback" in out + err) == (0, False)


def test_foreground_says_what_is_wrong(cli, tmp_path):
    (tmp_path / "file").write_text("")
    for words in (("up", "--foreground"), ("up",)):
        ran = cli(*words, "--home", str(tmp_path / "file"), code=100)
        assert str(tmp_path / "file") in ran.err
        assert "hint: " in ran.err


def test_foreground_has_no_json(cli):
    assert cli("up", "--foreground", "--json", code=2).error["code"] == "USAGE"


@pytest.mark.parametrize("home", ["/proc/nope", "/dev/null/x"])
def test_a_home_that_cannot_be(cli, home):
    error = cli("up", "--json", "--home", home, code=100).error
    assert error["code"] == "ENVIRONMENT"
    assert home in error["message"]
    assert "--home" in error["hint"]
    for words in (("submit", "--", "true"), ("run", "--", "true")):
        assert home in cli("--home", home, *words, code=100).err


def test_a_path_too_long_for_a_socket(tmp_path):
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    cli = Cli(deep)
    try:
        assert cli("up").out.startswith("orch-actors is up")
        assert cli("run", "--", "true").code == 0
    finally:
        cli("down", "--kill")
        cli.end_started()
        shutil.rmtree(Home(str(deep)).run)


def test_a_stale_socket_file(cli):
    cli("up")
    cli.kill_daemon()
    left = os.path.join(cli.home, "run", "commands.sock")
    assert os.path.exists(left)
    assert cli("status", code=3).err.startswith("error: no daemon is running")
    assert cli("up").out.startswith("orch-actors is up")


def test_a_foreign_file_at_the_socket(cli):
    run = os.path.join(cli.home, "run")
    os.makedirs(run, mode=0o700)
    path = os.path.join(run, "commands.sock")
    with open(path, "w"):
        pass
    assert cli("status", code=3).err
    assert cli("up").out.startswith("orch-actors is up")


def test_somebody_who_does_not_answer(cli):
    run = os.path.join(cli.home, "run")
    os.makedirs(run, mode=0o700)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(os.path.join(run, "commands.sock"))
        silent.listen()
        ran = cli("status", "--json", code=3)
        assert ran.error["code"] == "UNAVAILABLE"
        assert "daemon.log" in ran.error["hint"]


def test_a_daemon_of_a_dead_home_is_no_zombie_of_run(cli):
    """Nobody's child: a `run` that goes on must not keep a dead daemon as its zombie."""
    process = cli.start("run", "--", "sleep", "60")
    assert process.stdout.readline()
    pid = cli.pid()
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert parent != process.pid
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert alive(pid)


def test_dry_run_says_what_a_start_would_find_and_changes_nothing(cli):
    assert cli("up", "--dry-run").out == f"there is no journal in {cli.home}: a start would begin one\n"
    for name in ("go", "end"):
        os.mkfifo(os.path.join(cli.home, name))
    cli("submit", "--", "sh", "-c", "echo begun; read x < go", cwd=cli.home)
    cli("submit", "--", "sh", "-c", "echo begun; read x < end; exit 3", cwd=cli.home)
    eventually(lambda: cli("logs", "g1").out == cli("logs", "g2").out == "begun\n")
    beside = cli("up", "--dry-run", "--json").json
    assert set(beside) == {
        "home", "daemon", "journal", "lines", "graphs", "torn", "commands", "quarantine", "in_flight", "start"
    }  # fmt: skip
    pid = cli.kill_daemon()
    assert beside["daemon"] == pid
    say_go(os.path.join(cli.home, "end"))
    eventually(lambda: "collect" in {one["what"] for one in cli("up", "--dry-run", "--json").json["in_flight"]})
    found = cli("up", "--dry-run", "--json").json
    assert found["daemon"] is None
    fates = {one["attempt"]: one for one in found["in_flight"]}
    assert fates["g1/sh/1"]["what"] == "adopt"
    assert (fates["g2/sh/1"]["what"], fates["g2/sh/1"]["exit_code"]) == ("collect", 3)
    text = cli("up", "--dry-run").out
    assert f"adopt    g1/sh/1 (pid {fates['g1/sh/1']['pid']})\n" in text
    assert "collect  g2/sh/1 (exited with 3)\n" in text
    up = cli("up", "--json").json
    assert up["supervisor"]["adopted"] == 2
    assert "a daemon runs" in cli("up", "--dry-run").out
    say_go(os.path.join(cli.home, "go"))


def test_dry_run_says_what_up_would_say_of_a_journal_that_cannot_be_read(cli):
    cli("up")
    cli("submit", "--", "true")
    cli("down")
    (path,) = [
        os.path.join(cli.home, "journal", name)
        for name in os.listdir(os.path.join(cli.home, "journal"))
        if name[0] == "0"
    ]
    data = Path(path).read_bytes()
    Path(path).write_bytes(data.replace(b"graph_submitted", b"graph_submittee"))
    ahead, real = cli("up", "--dry-run", "--json", code=100).error, cli("up", "--json", code=100).error
    assert ahead == real
    assert path in ahead["message"]
    Path(path).write_bytes(data)


def test_dry_run_starts_nothing_so_it_cannot_be_in_the_foreground(cli):
    assert "leave one of them out" in cli("up", "--dry-run", "--foreground", code=2).err
