"""The stress scenario: forty tasks, four more that are added, and what must come of each; see graph.yaml."""

from collections.abc import Sequence
from typing import ClassVar, Final

from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.views import Event, GraphView
from orch_actors.stress import expect
from orch_actors.stress.effects import Effect, most_at_once, read_effects
from orch_actors.stress.expect import Check, Expected
from orch_actors.stress.scenario import Ended, Place, Scenario, whole_log
from orch_actors.stress.scenarios.stress.agent import ANSWERS, Agent

DONE: Final = Expected(state="done")

#: What `echo` is given in graph.yaml, and must hand back unchanged.
ECHOED: Final = {
    "value": {"side": "right", "deep": [1, None, [2.5, {"ключ": "значение ✓"}]]},
    "variable": "a  b\n$HOME 'c' \"d\" \\ é",
}

EXPECTED: Final[dict[str, Expected]] = {
    "start": DONE,
    **{f"wide-{number}": DONE for number in (1, 3)},
    **{f"wide-{number}": Expected(state="done", result=number) for number in (2, 4)},
    "wide-sum": Expected(state="done", result=10),
    **{f"deep-{number}": DONE for number in (1, 3)},
    **{f"deep-{number}": Expected(state="done", result=number) for number in (2, 4)},
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
    "forgiven": Expected(state="failed", exit_codes=(4,)),
    "clean-up": DONE,
    "argv": DONE,
    "inline": DONE,
    "no-program": Expected(state="failed", classes=("spawn",), without_effect=True),
    "retry": Expected(state="done", attempts=3, classes=("exit", "exit", None), exit_codes=(9, 9, 0)),
    "retry-python": Expected(state="done", attempts=2, classes=("exit", None), exit_codes=(1, 0), result=2),
    "retry-spent": Expected(state="failed", attempts=2, exit_codes=(7, 7), reason="exit code 7"),
    "late": Expected(state="failed", classes=("timeout",), reason="longer than"),
    "late-deaf": Expected(state="failed", classes=("timeout",), reason="longer than"),
    "cancelled": Expected(state="cancelled", reason="no longer wanted"),
    "cancelled-dependent": Expected(state="skipped", attempts=0, reason="cancelled was cancelled"),
    "loud": DONE,
    "mend": Expected(state="done", attempts=2, classes=("validation", None), exit_codes=(0, 0)),
    "ask": Expected(state="done", attempts=3, classes=("exit",) * 3, exit_codes=(5, 5, 5), reason="accepted"),
    "question": Expected(state="done", attempts=2, classes=(None, None), result="right"),
    "gate": DONE,
    "dropped": Expected(state="cancelled", attempts=0, reason="not needed after all"),
    "updated": DONE,
    "added": DONE,
    "added-rejected": Expected(state="cancelled", attempts=0, reason="not approved"),
    "added-given-up": Expected(state="failed", exit_codes=(8,), reason="exit code 8"),
    "added-last": DONE,
}

#: As graph.yaml says it.
PARALLEL: Final = 4
#: Of the resource that the wide tasks share.
GPUS: Final = 2
BY_PRIORITY: Final = ("high", "middle", "low")
LOUD_LINE: Final = b"orch-actors orch-actors orch-actors orch-actors orch-actors abc\n"
LOUD_BYTES: Final = 2_000_000


class Stress(Scenario):
    """Everything that a task can come to."""

    name: ClassVar = "stress"
    summary: ClassVar = "40 tasks and more: every form and failure, conditions, limits, decisions, edits in flight"
    limit_s: ClassVar = 180.0
    settings: ClassVar = f"[resources]\ngpu = {GPUS}\n"

    def least_events(self, place: Place) -> int:
        """Of the tasks that run: ready, starting, ended, and the end of the task."""
        del place
        return sum(want.attempts > 0 for want in EXPECTED.values()) * 4

    def parameters(self, place: Place) -> dict[str, str]:
        """The folder in which the tasks leave their effects."""
        return {"dir": place.out}

    def drive(self, client: Client, graphs: tuple[str, ...], place: Place) -> list[Check]:
        """Answer, edit, and cancel; see agent.py."""
        agent = Agent(client, graphs[0], place.out)
        agent.follow(self.limit_s)
        return [Check("agent", not agent.faults, "; ".join(agent.faults) or f"{len(agent.done)} things done")]

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
            *check_steering(ended.events, view),
            *check_shares(effects),
            _loud(client, view.id),
            _traceback(client, view.id),
            _inline(client, view.id),
        ]


def check_steering(events: Sequence[Event], view: GraphView) -> list[Check]:
    """Each question asked once and answered once, as the client did; each edit carried out once; pauses kept."""
    ours = [event for event in events if event.graph == view.id]
    asked = {event.data["ref"]: event.task for event in ours if event.kind == "decision_asked"}
    answered = [(asked.get(e.data["ref"]), e.data["choice"]) for e in ours if e.kind == "decision_answered"]
    wanted = [(task, choice) for task, choices in ANSWERS.items() for choice in choices]
    edits = {
        kind: sum(event.kind == kind for event in ours) for kind in ("task_updated", "tasks_added", "graph_paused")
    }
    paused, early = False, []
    for event in ours:
        paused = event.kind == "graph_paused" or (paused and event.kind != "graph_resumed")
        if paused and event.kind == "attempt_starting":
            early.append(f"{event.task}")
    return [
        Check("questions once", sorted(asked.values(), key=str) == sorted(task for task, _ in wanted), f"{asked}"),
        Check("answers once", sorted(answered, key=str) == sorted(wanted, key=str), f"{answered}, expected {wanted}"),
        Check("edits once", set(edits.values()) == {1}, f"{edits}"),
        Check("pause kept", not early, f"started meanwhile: {early}"),
    ]


def check_shares(effects: Sequence[Effect]) -> list[Check]:
    """A lock and a resource, by the tasks' own account: who needs all of the resource is alone with it."""
    sides = most_at_once(effect for effect in effects if effect.task in ("diamond-left", "diamond-right"))
    small = most_at_once(effect for effect in effects if effect.task in ("wide-1", "wide-2", "wide-4"))
    beside = [
        most_at_once(effect for effect in effects if effect.task in ("wide-3", other))
        for other in ("wide-1", "wide-2", "wide-4")
    ]
    return [
        Check("lock", sides == 1, f"{sides} at once"),
        Check(
            "resource", small <= GPUS and set(beside) == {1}, f"{small} small ones at once, {beside} with the large one"
        ),
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
