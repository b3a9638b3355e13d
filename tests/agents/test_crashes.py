"""Deaths in the middle of an answer: of the program, of its driver; and what is cancelled there. Nothing is left."""

import os
import signal
import sys

import pytest
from agent_stage import Stage, task_of
from daemon_harness import alive

#: Each hangs first, and answers when it is asked again.
KINDS = {"c": "claude", "o": "opencode"}
NAMES = [f"{kind}-{what}" for kind in KINDS for what in ("program", "driver", "cancel")]
SCRIPTS = {name: [{"hang": True}, {"say": "Again."}] for name in NAMES}


@pytest.fixture(scope="module")
def stage():
    here = Stage(SCRIPTS)
    yield here
    here.close()


@pytest.fixture(scope="module")
def graph(stage):
    return stage.submit(
        *(
            {"id": name, "worker": KINDS[name[0]], "prompt": f"[script:{name}]", "retry": {"attempts": 2}}
            for name in SCRIPTS
        ),
        limits={"parallel": 6},
    )


def in_the_middle(stage, graph, name):
    """Its processes, once it has asked the API and waits: (driver, program, all)."""
    stage.api.scripts.wait_for(name, 1, 120)
    found = stage.attempt_processes(graph, name)
    (driver,) = (pid for pid, line in found.items() if line.startswith(sys.executable) and "host.agents" in line)
    program = next(
        pid for pid, line in found.items() if line.startswith(os.path.join(stage.programs.folder, KINDS[name[0]]))
    )
    return driver, program, found


@pytest.mark.parametrize("name", ["c-program", "o-program"])
def test_a_program_that_is_killed(stage, graph, name):
    _, program, before = in_the_middle(stage, graph, name)
    os.kill(program, signal.SIGKILL)
    ends_with(stage, graph, name, before)


@pytest.mark.parametrize("name", ["c-driver", "o-driver"])
def test_a_driver_that_is_killed(stage, graph, name):
    driver, _, before = in_the_middle(stage, graph, name)
    os.kill(driver, signal.SIGKILL)
    ends_with(stage, graph, name, before)


def ends_with(stage, graph, name, before):
    """A crash, nothing left of it, and a second attempt that succeeds."""
    stage.until(lambda: task_of(stage.orders.graph(graph), name).state == "done", name)
    first, second = task_of(stage.orders.graph(graph), name).attempts
    assert (first.class_, first.exit_code, second.class_) == ("crash", 137, None)
    assert stage.result(stage.orders.graph(graph), name) == {"text": "Again."}
    assert [pid for pid in before if alive(pid)] == []
    assert stage.attempt_processes(graph, name) == stage.attempt_processes(graph, name, 2) == {}


@pytest.mark.parametrize("name", ["c-cancel", "o-cancel"])
def test_a_cancelled_one_is_gone_whole(stage, graph, name):
    _, _, before = in_the_middle(stage, graph, name)
    stage.orders.cancel(graph, name)
    stage.until(lambda: task_of(stage.orders.graph(graph), name).state == "cancelled", name)
    assert [pid for pid in before if alive(pid)] == []
