"""Worker hosts that keep dying, or hang, under a real daemon: the type is parked, a suspect is found, others go on."""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from daemon_harness import DEADLINE_S, Place, alive, eventually

#: Replaces what a host process is, for one worker type; the others have the real one.
PRELUDE = """
import json, sys
from orch_actors.actors.workforce import Workforce
HOST = {host!r}
Workforce.program = (sys.executable, "-c", HOST)
"""

#: A host that ends at once if it is for `shell` and the file named by BROKEN is there.
BREAKABLE = """
import json, os, sys
config = json.loads(sys.argv[1])
if config["worker"] == "shell" and os.path.exists(config["home"] + "/broken"):
    sys.exit(3)
from orch_actors.actors.host.__main__ import main
main()
"""

#: A host that dies of what it adopts or starts, where the task's name says so.
POISONABLE = """
import os, signal
from orch_actors.actors.host import local
take = local.Local.take
def dying(self, launch):
    found = take(self, launch)
    if "poison" in launch.attempt:
        os.kill(os.getpid(), signal.SIGSEGV)
    return found
local.Local.take = dying
from orch_actors.actors.host.__main__ import main
main()
"""


@pytest.fixture
def place():
    made = Place()
    yield made
    made.close()


def configure(place, **hosts):
    lines = "".join(f"{name} = {value}\n" for name, value in hosts.items())
    Path(place.path, "config.toml").write_text(f"[hosts]\n{lines}")


def tasks(*lines, **options):
    return [{"id": f"t{number}", "command": line, **options} for number, line in enumerate(lines)]


def worker(client, name="shell"):
    return next(view for view in client.status().workers if view.type == name)


# --- parked -------------------------------------------------------------------------------------------------------


def test_a_type_whose_hosts_keep_dying_is_parked_and_the_others_go_on(place, tmp_path):
    configure(place, deaths=3)
    broken = Path(place.path, "broken")
    broken.touch()
    daemon = place.start(PRELUDE.format(host=BREAKABLE)).ready()
    with place.client() as client:
        stuck = client.submit({"name": "stuck", "tasks": tasks("echo mended")}).graph
        (decision,) = eventually(client.decisions, "it is asked what is to become of it")
        assert (decision.kind, decision.worker, decision.graph, decision.task) == ("worker", "shell", "", "")
        assert (decision.options, decision.default) == (("resume", "keep"), "resume")
        assert "its host died 3 times in 60 s; the last one ended with code 3" in decision.question
        view = worker(client)
        assert (view.state, view.pid) == ("parked", None)
        assert decision.ref in view.reason
        why = client.why(stuck, "t0")
        assert (why.reason["kind"], why.help) == ("worker_parked", "orch-actors resume --worker shell")
        assert "the shell worker is parked until" in why.sentence
        other = client.submit({"name": "other", "tasks": [{"id": "p", "worker": "python", "call": "os:getpid"}]}).graph
        (summary,) = client.wait([other], timeout_s=DEADLINE_S)
        assert summary.state == "done"
        broken.unlink()
        assert client.decide(decision.ref, "resume").worker == "shell"
        (summary,) = client.wait([stuck], timeout_s=DEADLINE_S)
        assert summary.state == "done"
        assert worker(client).restarts == 3
    assert daemon.term() == 0


def test_parked_over_a_restart_and_resumed_by_the_verb(place):
    configure(place, deaths=2)
    broken = Path(place.path, "broken")
    broken.touch()
    daemon = place.start(PRELUDE.format(host=BREAKABLE)).ready()
    with place.client() as client:
        graph = client.submit({"name": "g", "tasks": tasks("true")}).graph
        (decision,) = eventually(client.decisions)
        daemon.kill()
        daemon = place.start(PRELUDE.format(host=BREAKABLE)).ready()
        assert client.decisions() == (decision,)
        assert (worker(client).state, daemon.hosts()) == ("parked", [])
        broken.unlink()
        client.resume(worker="shell")
        (summary,) = client.wait([graph], timeout_s=DEADLINE_S)
        assert summary.state == "done"
        assert client.decisions() == ()
    assert daemon.term() == 0


def test_what_runs_runs_on_and_is_adopted_on_resume(place, tmp_path):
    configure(place, deaths=2)
    daemon = place.start(PRELUDE.format(host=BREAKABLE)).ready()
    line = f"echo ran >>{tmp_path}/effect; until [ -e {tmp_path}/go ]; do sleep 0.01; done; exit 7"
    with place.client() as client:
        graph = client.submit({"name": "g", "tasks": tasks(line)}).graph
        eventually((tmp_path / "effect").exists)
        Path(place.path, "broken").touch()
        (host,) = daemon.hosts()
        os.kill(host, signal.SIGKILL)
        (decision,) = eventually(client.decisions)
        assert decision.evidence["running"] == 1
        assert "nobody watches it" in client.why(graph, "t0").sentence
        (tmp_path / "go").touch()
        Path(place.path, "broken").unlink()
        client.decide(decision.ref, "resume")
        client.wait([graph], timeout_s=DEADLINE_S)
        (attempt,) = client.graph(graph).tasks[0].attempts
        assert (attempt.exit_code, attempt.class_) == (7, "exit")
    assert (tmp_path / "effect").read_text() == "ran\n"
    assert daemon.term() == 0


def test_down_kill_does_not_wait_for_what_no_host_can_end(place, tmp_path):
    configure(place, deaths=2)
    daemon = place.start(PRELUDE.format(host=BREAKABLE)).ready()
    line = f"touch {tmp_path}/began; until [ -e {tmp_path}/go ]; do sleep 0.01; done"
    with place.client() as client:
        client.submit({"name": "g", "tasks": tasks(line)})
        eventually((tmp_path / "began").exists)
        Path(place.path, "broken").touch()
        os.kill(daemon.hosts()[0], signal.SIGKILL)
        eventually(client.decisions)
        client.shutdown(kill=True)
    assert daemon.wait() == 0
    (tmp_path / "go").touch()


# --- a suspect ----------------------------------------------------------------------------------------------------


def test_an_attempt_that_kills_its_hosts_is_found_and_takes_nobody_along(place, tmp_path):
    configure(place, deaths=6)
    daemon = place.start(PRELUDE.format(host=POISONABLE)).ready()
    line = f"echo $ORCH_TASK >>{tmp_path}/effect; until [ -e {tmp_path}/go ]; do sleep 0.01; done"
    good = [{"id": f"good{number}", "command": line} for number in range(2)]
    with place.client() as client:
        graph = client.submit({"name": "g", "tasks": [good[0], {"id": "poison", "command": line}, good[1]]}).graph
        (decision,) = eventually(client.decisions)
        assert (decision.kind, decision.task) == ("unknown", "poison")
        assert "2 worker hosts died" in decision.evidence["message"]
        (tmp_path / "go").touch()
        assert [asked.kind for asked in client.decisions()] == ["unknown"]
        eventually(lambda: {task.state for task in client.graph(graph).tasks if task.id != "poison"} == {"done"})
        assert worker(client).state == "ready"
        client.decide(decision.ref, "fail")
        (summary,) = client.wait([graph], timeout_s=DEADLINE_S)
        assert summary.counts == {"done": 2, "failed": 1}
    ran = (tmp_path / "effect").read_text().split()
    assert {"good0", "good1"} <= set(ran)
    assert len(set(ran)) == len(ran)  # the poison may have begun, once
    assert daemon.term() == 0


# --- hanging --------------------------------------------------------------------------------------------------------


def test_a_host_that_hangs_is_replaced_and_its_attempts_are_adopted(place, tmp_path):
    configure(place, patience=1.5)
    daemon = place.start().ready()
    line = f"echo ran >>{tmp_path}/effect; until [ -e {tmp_path}/go ]; do sleep 0.01; done; exit 4"
    with place.client() as client:
        graph = client.submit({"name": "g", "tasks": tasks(line)}).graph
        eventually((tmp_path / "effect").exists)
        (host,) = daemon.hosts()
        os.kill(host, signal.SIGSTOP)
        eventually(lambda: not alive(host), "it is ended")
        eventually(lambda: (worker(client).restarts, worker(client).state) == (1, "ready"), "another one is there")
        (tmp_path / "go").touch()
        client.wait([graph], timeout_s=DEADLINE_S)
        (attempt,) = client.graph(graph).tasks[0].attempts
        assert attempt.exit_code == 4
    assert (tmp_path / "effect").read_text() == "ran\n"
    assert "did not answer for 1.5 s" in Path(place.path, "daemon.log").read_text()
    assert daemon.term() == 0


def test_a_host_that_hangs_for_less_than_its_patience_goes_on(place, tmp_path):
    daemon = place.start().ready()
    with place.client() as client:
        client.wait([client.submit({"name": "first", "tasks": tasks("true")}).graph], timeout_s=DEADLINE_S)
        (host,) = daemon.hosts()
        os.kill(host, signal.SIGSTOP)
        graph = client.submit({"name": "g", "tasks": tasks(f"echo ran >>{tmp_path}/effect")}).graph
        eventually(lambda: client.graph(graph).tasks[0].state == "running")
        os.kill(host, signal.SIGCONT)
        (summary,) = client.wait([graph], timeout_s=DEADLINE_S)
        assert (summary.state, daemon.hosts(), worker(client).restarts) == ("done", [host], 0)
    assert (tmp_path / "effect").read_text() == "ran\n"
    assert daemon.term() == 0


def test_a_daemon_that_was_stopped_itself_ends_no_healthy_host(place):
    """Longer than a host's whole patience: the answers that wait to be read count."""
    configure(place, patience=1)
    daemon = place.start().ready()
    with place.client() as client:
        eventually(lambda: worker(client).state == "ready")
        (host,) = daemon.hosts()
        os.kill(daemon.pid, signal.SIGSTOP)
        until = time.monotonic() + 1.5  # the daemon's own clock must go on: nothing else tells it
        while time.monotonic() < until:
            time.sleep(0.05)
        os.kill(daemon.pid, signal.SIGCONT)
        graph = client.submit({"name": "g", "tasks": tasks("true")}).graph
        client.wait([graph], timeout_s=DEADLINE_S)
        assert (daemon.hosts(), worker(client).restarts) == ([host], 0)
    assert daemon.term() == 0


@pytest.mark.parametrize("first", ["host", "daemon"])
def test_stopped_host_killed_daemon_and_a_host_that_would_come_back(place, tmp_path, first):
    """Nothing that the stopped host was told is done by it once its successor is at work."""
    daemon = place.start().ready()
    with place.client() as client:
        client.wait([client.submit({"name": "first", "tasks": tasks("true")}).graph], timeout_s=DEADLINE_S)
        (host,) = daemon.hosts()
        os.kill(host, signal.SIGSTOP)
        graphs = [
            client.submit({"name": f"g{number}", "tasks": tasks(f"echo {number} >>{tmp_path}/effect")}).graph
            for number in range(4)
        ]
        daemon.kill()
        if sys.platform == "linux":
            eventually(lambda: not alive(host), "the kernel ends it")
        daemon = place.start().ready()
        cancelled = graphs.pop()
        if first == "host":
            go_on(host)
        client.cancel(cancelled)
        client.wait([*graphs, cancelled], timeout_s=DEADLINE_S)
        go_on(host)
        eventually(lambda: not alive(host))
    ran = (tmp_path / "effect").read_text().split()
    assert sorted(set(ran)) == sorted(ran)
    assert {"0", "1", "2"} <= set(ran)
    assert daemon.term() == 0


def go_on(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
