"""`down`."""

import os
import signal

from .conftest import alive, eventually, say_go


def test_down_and_again(cli):
    pid = cli("up", "--json").json["supervisor"]["pid"]
    assert cli("down").out == "orch-actors is down\n"
    assert not alive(pid)
    assert cli("down").out == f"orch-actors is not running (home {cli.home})\n"
    assert cli("down", "--json").json == {"stopped": False, "pid": None, "running": 0, "killed": 0}
    assert cli("status", "--json", code=3).error["hint"] == "start it: orch-actors up"


def test_running_tasks_go_on_and_are_adopted(cli):
    cli("up")
    os.mkfifo(os.path.join(cli.home, "go"))  # first: the task may look for it at once
    graph = cli("submit", "--json", "--", "sh", "-c", "echo begun; read x < go; echo over", cwd=cli.home).json["graph"]
    eventually(lambda: cli("status", graph, "--json").json["tasks"][0]["state"] == "running")
    down = cli("down", "--json").json
    assert down["stopped"]
    assert (down["running"], down["killed"]) == (1, 0)
    up = cli("up")
    assert "1 running attempt" in up.out
    say_go(os.path.join(cli.home, "go"))
    cli("wait", graph, "--timeout", "20s")
    assert cli("logs", graph).out == "begun\nover\n"
    task = cli("status", graph, "--json").json["tasks"][0]
    assert [attempt["exit_code"] for attempt in task["attempts"]] == [0]


def test_down_says_how_many_go_on(cli):
    cli("submit", "--", "sleep", "61")
    eventually(lambda: cli("status", "--json").json["graphs"][0]["counts"].get("running"))
    assert cli("down").out == "orch-actors is down; 1 running task goes on; the next `orch-actors up` adopts them\n"
    cli("up")


def test_down_kill(cli):
    cli("submit", "--", "sleep", "62")
    eventually(lambda: cli("status", "--json").json["graphs"][0]["counts"].get("running"))
    down = cli("down", "--kill", "--json").json
    assert (down["stopped"], down["running"], down["killed"]) == (True, 0, 1)


def test_a_daemon_that_is_stopped_by_a_signal(cli):
    pid = cli("up", "--json").json["supervisor"]["pid"]
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: not alive(pid))
    assert cli("down").out.startswith("orch-actors is not running")
