"""`service`, with a systemctl of the test's own (fake_systemctl.py), and the unit's text held by systemd itself."""

import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import alive, eventually
from .graphs import UNTIL_GO, say_go_file, submit, task, until

FAKE = Path(__file__).with_name("fake_systemctl.py")
FIELDS = {"manager", "name", "path", "home", "installed", "current", "enabled", "state", "pid"}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the tests' systemctl is for Linux")


@pytest.fixture
def session(cli, tmp_path):
    """A systemd session: where it keeps what it knows. The command line finds it."""
    state, bin_folder = tmp_path / "systemd", tmp_path / "bin"
    state.mkdir()
    bin_folder.mkdir()
    (bin_folder / "systemctl").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    (bin_folder / "systemctl").chmod(0o700)
    cli.env.update(
        PATH=f"{bin_folder}:{os.environ['PATH']}",
        FAKE_SYSTEMD=str(state),
        XDG_CONFIG_HOME=str(tmp_path / "config"),
        HOME=str(tmp_path),
    )
    return state


def calls(session):
    return (session / "calls").read_text().splitlines()


def unit_of(cli):
    return Path(cli("service", "status", "--json").json["path"])


def test_install_and_uninstall(cli, session, tmp_path):
    before = cli("service", "status", "--json").json
    assert set(before) == FIELDS
    assert (before["installed"], before["state"], before["pid"]) == (False, "not installed", None)
    installed = cli("service", "install", "--json").json
    assert set(installed) == FIELDS
    assert Path(installed["path"]).is_relative_to(tmp_path / "config" / "systemd" / "user")
    assert (installed["installed"], installed["current"], installed["enabled"]) == (True, True, True)
    assert installed["state"] == "active (running)"
    assert cli.pid() == installed["pid"]
    assert cli("service", "status").out.startswith(f"service {installed['name']} (systemd): active (running)\n")
    name = installed["name"]
    assert [call for call in calls(session) if "show" not in call] == [
        "--user daemon-reload", f"--user enable {name}", f"--user restart {name}",
    ]  # fmt: skip
    again = cli("service", "install", "--json").json
    assert again["pid"] == installed["pid"], "nothing changed, so nothing was restarted"
    gone = cli("service", "uninstall")
    assert "running tasks go on" in gone.out
    assert not Path(installed["path"]).exists()
    assert calls(session)[-2:] == [f"--user disable --now {name}", "--user daemon-reload"]
    eventually(lambda: not alive(installed["pid"]))
    assert "it was not installed" in cli("service", "uninstall").out


def test_a_daemon_that_runs_is_replaced_and_its_tasks_are_adopted(cli, session):
    cli("up")
    before = cli.pid()
    os.mkfifo(os.path.join(cli.home, "go"))
    graph = submit(cli, task("a", UNTIL_GO))
    until(cli, graph, a="running")
    installed = cli("service", "install", "--json").json
    assert installed["pid"] not in (None, before)
    assert cli("status", "--json").json["supervisor"]["adopted"] == 1
    say_go_file(cli)
    until(cli, graph, a="done")


def test_a_unit_of_another_version_is_brought_up_to_date(cli, session):
    cli("service", "install")
    path, before = unit_of(cli), cli.pid()
    path.write_text(path.read_text().replace("RestartSec=3", "RestartSec=30"))
    status = cli("service", "status", "--json").json
    assert (status["installed"], status["current"]) == (True, False)
    assert "bring it up to date" in cli("service", "status").out
    again = cli("service", "install", "--json").json
    assert again["current"]
    assert again["pid"] != before
    assert not [part for part in path.parent.iterdir() if part != path]


def test_upgrade_goes_through_the_service(cli, session):
    first = cli("service", "install", "--json").json["pid"]
    upgraded = cli("upgrade", "--force", "--json").json
    assert (upgraded["before"]["pid"], upgraded["replaced"]) == (first, True)
    assert cli("service", "status", "--json").json["pid"] == upgraded["after"]["pid"] == cli.pid()


def test_no_session(cli, session):
    (session / "no session").touch()
    ran = cli("service", "install", code=100)
    assert "there is no systemd user session here: Failed to connect to bus" in ran.err
    assert "orch-actors up" in ran.err
    assert not unit_of(cli).exists()
    assert cli("service", "install", "--json", code=100).error["code"] == "ENVIRONMENT"
    assert cli("service", "install", "--print").out.startswith("# Written by")


def test_no_systemd_at_all(cli, tmp_path):
    (tmp_path / "bin").mkdir()
    ran = cli("service", "install", code=100, PATH=str(tmp_path / "bin"), XDG_CONFIG_HOME=str(tmp_path))
    assert "there is no systemd on this machine" in ran.err


def test_dry_run_and_print_do_nothing(cli, session, tmp_path):
    plan = cli("service", "install", "--dry-run").out.splitlines()
    path = plan[0].removeprefix("write ")
    name = Path(path).stem
    assert plan[1:] == [
        "systemctl --user daemon-reload", f"systemctl --user enable {name}", f"systemctl --user restart {name}",
    ]  # fmt: skip
    assert set(cli("service", "install", "--dry-run", "--json").json) == {"manager", "name", "path", "steps"}
    assert "disable --now" in cli("service", "uninstall", "--dry-run").out
    assert cli("service", "install", "--print").out.count("[Service]") == 1
    assert not os.path.exists(path)
    assert not (session / "calls").exists()


def test_launchd(cli, tmp_path):
    told = plistlib.loads(cli("service", "install", "--manager", "launchd", "--print").raw)
    assert told["ProgramArguments"][-2:] == ["--home", cli.home]
    assert (told["RunAtLoad"], told["AbandonProcessGroup"], told["KeepAlive"]) == (
        True, True, {"SuccessfulExit": False},
    )  # fmt: skip
    assert cli("service", "install", "--manager", "upstart", code=2).err.startswith("error: no service manager")
    if shutil.which("launchctl") is None:
        assert "no launchd" in cli("service", "install", "--manager", "launchd", code=100).err


@pytest.mark.parametrize("folder", ["plain", "with space", "per%cent $HOME \"quoted\" 'too'"])
def test_systemd_finds_nothing_wrong_with_the_unit(cli, tmp_path, folder):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    home = os.path.join(cli.home, folder)
    unit = tmp_path / "orch-actors-test.service"
    unit.write_text(cli("service", "install", "--print", "--home", home).out)
    # Offline, for units that need nobody else; what it says of the system around it is not ours.
    ran = subprocess.run(
        [program, "verify", "--user", "--man=no", str(unit)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in ran.stderr.splitlines() if unit.name in line] == []


@pytest.mark.parametrize("folder", ["with space", "per%cent $HOME $$ \"quoted\" 'too' back\\slash"])
def test_odd_homes_reach_the_daemon_as_they_are(cli, session, folder):
    home = os.path.join(cli.home, folder)
    installed = cli("service", "install", "--json", "--home", home).json
    try:
        assert cli("status", "--json", "--home", home).json["supervisor"]["home"] == home
        assert installed["home"] == home
    finally:
        cli("service", "uninstall", "--home", home)
