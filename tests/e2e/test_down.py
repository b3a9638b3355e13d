"""`down`."""

import os
import signal

from .conftest import alive, eventually, processes_of, say_go


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


def test_down_kill_ends_what_a_dead_daemon_has_left_running(cli):
    cli("submit", "--", "sleep", "63")
    cli("submit", "--", "sh", "-c", "trap 'exit 5' TERM; echo begun; while :; do sleep 0.05; done")
    eventually(lambda: cli("logs", "g2").out == "begun\n")
    cli.kill_daemon()
    shown = cli("down").out
    assert shown == f"orch-actors is not running (home {cli.home})\n"
    down = cli("down", "--kill", "--json").json
    assert down == {"stopped": False, "pid": None, "running": 0, "killed": 2}
    assert not processes_of(cli.home)
    assert cli("down", "--kill").out == shown
    cli("up")
    ended = [cli("status", graph, "--json").json["tasks"][0] for graph in ("g1", "g2")]
    assert [task["state"] for task in ended] == ["cancelled"] * 2
    assert [task["attempts"][0]["exit_code"] for task in ended] == [143, 5]
    assert {task["reason"] for task in ended} == {"ended by `down --kill`"}


def test_down_kill_says_in_words_what_it_ended(cli):
    cli("submit", "--", "sleep", "64")
    eventually(lambda: cli("status", "--json").json["graphs"][0]["counts"].get("running"))
    cli.kill_daemon()
    assert cli("down", "--kill").out == f"orch-actors was not running; 1 running task ended (home {cli.home})\n"


def test_down_kill_where_no_daemon_can_start_says_what_runs_and_how_to_end_it(cli):
    cli("submit", "--", "sleep", "65")
    eventually(lambda: cli("status", "--json").json["graphs"][0]["counts"].get("running"))
    running = eventually(lambda: [pid for pid, words in processes_of(cli.home) if words[0] == b"sleep"])
    cli.kill_daemon()
    config = os.path.join(cli.home, "config.toml")
    with open(config, "w", encoding="utf-8") as file:
        file.write("nonsense = 1\n")
    fault = cli("down", "--kill", "--json", code=100).error
    assert "nonsense" in fault["message"]
    assert "g1/sleep/1 (pid " in fault["hint"]
    assert "kill -TERM -- -PID" in fault["hint"]
    assert all(map(alive, running))
    os.unlink(config)


def test_down_kill_makes_no_home(cli, tmp_path):
    home = tmp_path / "none"
    assert cli("down", "--kill", "--home", str(home)).out == f"orch-actors is not running (home {home})\n"
    assert not home.exists()
