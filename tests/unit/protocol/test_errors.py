"""The texts that errors derive from their fields."""

import pytest

from orch_actors.protocol.errors import EnvironmentFault, Problem, Refused, Unavailable


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem(where="tasks[0].timeout", message="is bad", line=12), "line 12: tasks[0].timeout: is bad"),
        (Problem(where="name", message="is missing"), "name: is missing"),
        (Problem(where="", message="is no mapping"), "is no mapping"),
    ],
)
def test_problem(problem, text):
    assert str(problem) == text


def test_refused():
    problem = Problem(where="name", message="is missing")
    refused = Refused.because("INVALID_GRAPH", "one problem", "mend it", retriable=True, problems=(problem,))
    assert str(refused) == "one problem"
    assert (refused.info.code, refused.info.hint, refused.info.problems) == ("INVALID_GRAPH", "mend it", (problem,))
    assert refused.info.retriable


def test_unavailable():
    assert str(Unavailable("ipc://x", 2.04, "id")) == "no daemon answers at ipc://x (waited 2.0 s)"


def test_environment_fault():
    fault = EnvironmentFault("it is broken", "mend it", 111)
    assert (str(fault), fault.hint, fault.exit_code) == ("it is broken", "mend it", 111)
