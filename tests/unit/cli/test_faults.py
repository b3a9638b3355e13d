"""Errors by family → code, message, hint, exit code."""

import os
import socket

import pytest

from orch_actors.cli import faults
from orch_actors.protocol.errors import EnvironmentFault, PeerFault, Problem, Refused, Unavailable


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (Refused.because("UNKNOWN_GRAPH", "no graph g9", "see status"), "UNKNOWN_GRAPH", 4),
        (Refused.because("UNAVAILABLE", "gone"), "UNAVAILABLE", 3),
        (Unavailable("ipc:///x", 1.0), "UNAVAILABLE", 3),
        (EnvironmentFault("full", "make room", 111), "ENVIRONMENT", 111),
        (EnvironmentFault("no", "fix it"), "ENVIRONMENT", 100),
        (PeerFault("rubbish"), "ENVIRONMENT", 100),
        (OSError(28, "No space left on device"), "ENVIRONMENT", 111),
        (faults.usage("what?"), "USAGE", 2),
        (faults.timed_out("too late"), "TIMED_OUT", 124),
        (faults.interrupted(), "INTERRUPTED", 130),
        (faults.no_daemon("/h", "orch-actors up"), "UNAVAILABLE", 3),
    ],
)
def test_families(error, code, exit_code):
    fault = faults.explain(error)
    assert (fault.code, fault.exit_code) == (code, exit_code)
    assert fault.message


def test_a_passing_refusal_says_so():
    assert faults.explain(Refused.because("OVERLOADED", "too much", retriable=True)).hint == "try again in a moment"


def test_the_document_has_code_message_and_hint_always():
    assert faults.Fault(code="USAGE", message="m").document() == {
        "error": {"code": "USAGE", "message": "m", "hint": ""}
    }


def test_problems_travel():
    problem = Problem(where="tasks[0].id", message="doubled", line=3)
    fault = faults.explain(Refused.because("INVALID_GRAPH", "1 problem", problems=(problem,)))
    assert fault.document()["error"]["problems"] == (problem,)


def test_a_daemon_that_went_away_is_told_from_one_that_does_not_answer(tmp_path):
    path = str(tmp_path / "s")
    gone = faults.explain(Unavailable(f"ipc://{path}", 10.0))
    assert "went away" in gone.message
    assert "orch-actors up" in gone.hint
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.bind(path)
        foreign.listen()
        silent = faults.explain(Unavailable(f"ipc://{path}", 10.0))
    assert str(os.getpid()) in silent.message
    assert str(os.getpid()) in silent.hint
    assert "went away" not in silent.message
