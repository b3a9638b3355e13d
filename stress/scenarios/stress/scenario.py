"""The stress scenario: forty tasks, and what must come of each; see graph.yaml."""

import time
from typing import ClassVar, Final

from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import Refused
from orch_actors.stress import expect
from orch_actors.stress.effects import read_effects
from orch_actors.stress.expect import Check, Expected
from orch_actors.stress.scenario import Ended, Place, Scenario, whole_log

DONE: Final = Expected(state="done")

#: What `echo` is given in graph.yaml, and must hand back unchanged.
ECHOED: Final = {
    "value": {"side": "right", "deep": [1, None, [2.5, {"ключ": "значение ✓"}]]},
    "variable": "a  b\n$HOME 'c' \"d\" \\ é",
}

EXPECTED: Final[dict[str, Expected]] = {
    "start": DONE,
    **{f"wide-{number}": DONE for number in (1, 3, 5, 7)},
    **{f"wide-{number}": Expected(state="done", result=number) for number in (2, 4, 6, 8)},
    "wide-sum": Expected(state="done", result=36),
    **{f"deep-{number}": DONE for number in (1, 3, 5)},
    **{f"deep-{number}": Expected(state="done", result=number) for number in (2, 4, 6)},
    "diamond-top": DONE,
    "diamond-left": Expected(state="done", result={"side": "left"}),
    "diamond-right": Expected(state="done", result=ECHOED),
    "diamond-bottom": DONE,
    "low": DONE,
    "middle": DONE,
    "high": DONE,
    "fail": Expected(state="failed", exit_codes=(3,), reason="exit code 3"),
    "fail-dependent": Expected(state="skipped", attempts=0, reason="fail failed"),
    "fail-far": Expected(state="skipped", attempts=0, reason="fail-dependent was skipped"),
    "fail-python": Expected(state="failed", exit_codes=(1,)),
    "fail-join": Expected(state="skipped", attempts=0, reason="fail-python failed"),
    "argv": DONE,
    "inline": DONE,
    "no-program": Expected(state="failed", classes=("spawn",), without_effect=True),
    "retry": Expected(state="done", attempts=3, classes=("exit", "exit", None), exit_codes=(9, 9, 0)),
    "retry-python": Expected(state="done", attempts=2, classes=("exit", None), exit_codes=(1, 0), result=2),
    "retry-spent": Expected(state="failed", attempts=2, exit_codes=(7, 7), reason="exit code 7"),
    "late": Expected(state="failed", classes=("timeout",), reason="longer than"),
    "late-deaf": Expected(state="failed", classes=("timeout",), reason="longer than"),
    "late-dependent": Expected(state="skipped", attempts=0, reason="late failed"),
    "cancelled": Expected(state="cancelled", reason="no longer wanted"),
    "cancelled-dependent": Expected(state="skipped", attempts=0, reason="cancelled was cancelled"),
    "loud": DONE,
}

#: As graph.yaml says it.
PARALLEL: Final = 4
#: The task that is to be cancelled begins long before.
CANCEL_WITHIN_S: Final = 60.0
BY_PRIORITY: Final = ("high", "middle", "low")
LOUD_LINE: Final = b"orch-actors orch-actors orch-actors orch-actors orch-actors abc\n"
LOUD_BYTES: Final = 2_000_000


class Stress(Scenario):
    """Everything that a task can come to."""

    name: ClassVar = "stress"
    summary: ClassVar = "40 tasks: wide, deep, diamond; failures, retries, timeouts, cancellation, priorities, limits"
    limit_s: ClassVar = 180.0

    def least_events(self, place: Place) -> int:
        """Of the 35 tasks that run: ready, starting, ended, and the end of the task."""
        del place
        return 35 * 4

    def parameters(self, place: Place) -> dict[str, str]:
        """The folder in which the tasks leave their effects."""
        return {"dir": place.out}

    def drive(self, client: Client, graphs: tuple[str, ...], place: Place) -> list[Check]:
        """Cancel one task in the middle of its work: after it has begun, by its own account."""
        until_at = time.monotonic() + CANCEL_WITHIN_S
        while not any(effect.task == "cancelled" for effect in read_effects(place.out)):
            (summary,) = client.summaries(graphs).graphs
            if summary.ended_utc is not None or time.monotonic() > until_at:
                return []  # the checks will say that it never began
            time.sleep(0.02)
        client.cancel(graphs[0], "cancelled", reason="no longer wanted")
        return []

    def judge(self, client: Client, ended: Ended, place: Place) -> list[Check]:
        """Every task, every effect, every event, the order, the limit, output and results."""
        view = ended.view
        effects = read_effects(place.out)
        return [
            *expect.check_graph(view, "failed", EXPECTED),
            *expect.check_tasks(view, EXPECTED),
            *expect.check_results(ended.results, EXPECTED),
            *expect.check_once(effects, view, EXPECTED),
            *expect.check_order(effects, view),
            *expect.check_events(ended.events, view),
            *expect.check_parallel(effects, view, PARALLEL),
            *expect.check_priority(ended.events, view.id, BY_PRIORITY),
            _loud(client, view.id),
            _traceback(client, view.id),
            _inline(client, view.id),
        ]


def _loud(client: Client, graph: str) -> Check:
    """A large output comes back byte for byte."""
    data = _log(client, graph, "loud")
    wanted = (LOUD_LINE * (LOUD_BYTES // len(LOUD_LINE) + 1))[:LOUD_BYTES]
    return Check("large output", data == wanted, f"{len(data)} bytes, expected {LOUD_BYTES}, the same ones")


def _traceback(client: Client, graph: str) -> Check:
    text = _log(client, graph, "fail-python", "stderr").decode(errors="replace")
    told = "Traceback" in text and "ValueError: on purpose ✗" in text
    return Check("traceback kept", told, text.strip().rpartition("\n")[2])


def _inline(client: Client, graph: str) -> Check:
    printed = _log(client, graph, "inline")
    return Check("inline script", printed == b"['one two', '$HOME']\n", repr(printed[:100]))


def _log(client: Client, graph: str, task: str, stream: str = "stdout") -> bytes:
    """Empty where there is none: a run that went wrong is judged all the same."""
    try:
        return whole_log(client, graph, task, stream=stream)
    except Refused:
        return b""


SCENARIO: Final = Stress()
