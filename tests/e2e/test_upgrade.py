"""`upgrade`, and what is told where daemon and command line are of different versions."""

import os
import subprocess
import sys

import pytest

from orch_actors.protocol.version import VERSION

from .conftest import alive, eventually
from .graphs import UNTIL_GO, say_go_file, submit, task, until

OLD = "0.0.9"
#: A daemon of another version, as far as anybody sees.
OLDER = f"""
import runpy
from orch_actors.protocol import version
version.VERSION = "{OLD}"
runpy.run_module("orch_actors.actors", run_name="__main__", alter_sys=True)
"""
#: In every Python process: a daemon that is started in the background ends before it answers.
BROKEN = """
import sys
if "--ready-fd" in sys.orig_argv:
    sys.exit("the new one does not start")
"""


@pytest.fixture
def older(cli):
    """A daemon of an older version; its pid."""
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", OLDER, "--home", cli.home, "--ready-fd", str(write)],
        stdin=subprocess.DEVNULL,
        pass_fds=[write],
        env=cli.env,
        start_new_session=True,
    )
    os.close(write)
    with os.fdopen(read) as ready:
        assert '"pid"' in ready.readline()
    yield process.pid
    if process.poll() is None:
        process.kill()
    process.wait()


def running_task(cli):
    os.mkfifo(os.path.join(cli.home, "go"))
    graph = submit(cli, task("a", UNTIL_GO))
    until(cli, graph, a="running")
    return graph


def test_without_a_daemon(cli):
    ran = cli("upgrade")
    assert ran.out == f"no daemon runs (home {cli.home}); the next one is of version {VERSION}\n"
    assert cli("upgrade", "--json").json == {"replaced": False, "before": None, "after": None, "adopted": 0}
    cli("status", code=3)


def test_the_same_version(cli):
    cli("up")
    pid = cli.pid()
    assert f"is of version {VERSION} already" in cli("upgrade").out
    assert cli.pid() == pid
    assert cli("upgrade", "--force", "--json").json["before"] == {"version": VERSION, "pid": pid}
    assert cli.pid() != pid


def test_an_older_daemon_is_replaced_and_what_runs_is_adopted(cli, older):
    graph = running_task(cli)
    watching = cli.start("wait", graph, "--json")
    assert "orch-actors upgrade" in cli("status").out
    told = cli("version")
    assert told.out.splitlines()[1].startswith(f"the daemon (pid {older}) is of version {OLD}; to replace it")
    assert cli("version", "--json").json["daemon"] == {"version": OLD, "pid": older}
    ran = cli("upgrade")
    new = cli.pid()
    assert ran.out == f"version {OLD} (pid {older}) → {VERSION} (pid {new}), 1 running attempt adopted\n"
    assert not alive(older)
    assert "orch-actors upgrade" not in cli("status").out
    assert cli("version").out == f"orch-actors {VERSION}\n"
    say_go_file(cli)
    out, err = watching.communicate(timeout=60)
    assert watching.returncode == 0, err
    assert b'"done"' in out


def test_what_cannot_start_is_found_before_the_old_one_goes(cli, older):
    graph = running_task(cli)
    with open(os.path.join(cli.home, "config.toml"), "w") as config:
        config.write("nonsense = 1\n")
    ran = cli("upgrade", code=100)
    assert f"a daemon of version {VERSION} could not start" in ran.err
    assert "nonsense" in ran.err
    assert "the daemon that runs was left as it is" in ran.err
    assert cli.pid() == older
    say_go_file(cli)
    until(cli, graph, a="done")
    os.remove(os.path.join(cli.home, "config.toml"))


def test_the_new_one_does_not_start_after_all(cli, older, tmp_path):
    graph = running_task(cli)
    (tmp_path / "sitecustomize.py").write_text(BROKEN)
    ran = cli("upgrade", PYTHONPATH=str(tmp_path), code=111)
    assert f"the daemon of version {OLD} is gone, and that of version {VERSION} does not start" in ran.err
    assert "nothing is lost, 1 running attempt waits for the next daemon" in ran.err
    assert f"install version {OLD} again" in ran.err
    eventually(lambda: not alive(older))
    cli("up")
    assert cli("status", "--json").json["supervisor"]["adopted"] == 1
    say_go_file(cli)
    until(cli, graph, a="done")
