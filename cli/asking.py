"""`ask`: a running task asks for a decision, and may wait for it.

Which task asks is known from its environment (ORCH_GRAPH, ORCH_TASK). The wait is woken by events. It outlives the
daemon's absence, as the task itself does: a daemon that is away for a while is waited for, up to --timeout.
"""

import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from orch_actors.cli import faults
from orch_actors.cli.escape import one_line
from orch_actors.cli.output import note, say, say_json
from orch_actors.cli.session import Session
from orch_actors.cli.words import read_duration
from orch_actors.protocol.errors import Unavailable

if TYPE_CHECKING:
    from orch_actors.protocol.client import Client
    from orch_actors.protocol.views import DecisionView


class Inquiry(Struct, frozen=True, kw_only=True):
    """What was typed after `ask`."""

    question: str
    options: Sequence[str] = ()
    default: str | None = None
    deadline: str | None = None
    graph: str | None = None
    task: str | None = None
    wait: bool = False
    timeout: str | None = None


def ask(session: Session, inquiry: Inquiry) -> int:
    """The verb; the exit code."""
    graph, task = _asker(inquiry)
    options = tuple(inquiry.options) or ("yes", "no")
    if inquiry.default is not None and inquiry.default not in options:
        raise faults.usage(f"--default {inquiry.default!r} is none of the options", f"one of: {', '.join(options)}")
    if inquiry.timeout is not None and not inquiry.wait:
        raise faults.usage("--timeout is for --wait", "--deadline is how long the question stands")
    deadline_s = None if inquiry.deadline is None else read_duration(inquiry.deadline, "--deadline")
    timeout_s = None if inquiry.timeout is None else read_duration(inquiry.timeout, "--timeout")
    # A daemon that is being restarted is waited for.
    with session.client(patient=True) as client:
        ref = client.ask(graph, task, inquiry.question, options=options, default=inquiry.default, deadline_s=deadline_s)
        answered = _wait(client, ref, timeout_s) if inquiry.wait else None
    _tell(ref, graph, task, answered, as_json=session.as_json)
    return faults.GOOD


def _asker(inquiry: Inquiry) -> tuple[str, str]:
    graph = inquiry.graph or os.environ.get("ORCH_GRAPH")
    task = inquiry.task or os.environ.get("ORCH_TASK")
    if not graph or not task:
        raise faults.usage(
            "it is not known which task asks", "inside a task it is; elsewhere give --graph GRAPH --task TASK"
        )
    return graph, task


def _wait(client: "Client", ref: str, timeout_s: float | None) -> "DecisionView":
    until = None if timeout_s is None else time.monotonic() + timeout_s
    told = False
    while True:
        try:
            left_s = None if until is None else max(0.0, until - time.monotonic())
            return client.wait_decision(ref, timeout_s=left_s)
        except TimeoutError as error:
            raise faults.timed_out(f"{ref} has no answer after {timeout_s:g} s", "the question stands") from error
        except Unavailable:
            if until is not None and time.monotonic() >= until:
                raise
            if not told:
                note(f"the daemon is away; {ref} stands, and is waited for")
            told = True


def _tell(ref: str, graph: str, task: str, answered: "DecisionView | None", *, as_json: bool) -> None:
    if as_json:
        choice, said, by = (None, "", "") if answered is None else (answered.choice, answered.note, answered.by)
        say_json({"ref": ref, "graph": graph, "task": task, "choice": choice, "note": said, "by": by})
        return
    if answered is None:
        say(ref)
        return
    if answered.note:
        note(one_line(answered.note))
    say(one_line(answered.choice or ""))
    sys.stdout.flush()
