"""The scenario `review`: agents that write and judge, with the accounts that claude and opencode have here.

Nothing in it depends on what exactly an agent says, only on what comes of it; how often the judge sends the work back
may vary with its model, but it does so at least once, since the work is not told of one criterion.
"""

from typing import ClassVar, Final

from orch_actors.protocol.client import Client
from orch_actors.protocol.views import Event, GraphView, TaskView
from orch_actors.stress import expect
from orch_actors.stress.expect import Check
from orch_actors.stress.scenario import Ended, Place, Scenario

#: What a person says of the task whose judge nobody can use.
ANSWER: Final = "accept"

#: Tasks of the file, and the judge of the one.
TASKS: Final = ("write", "test", "doubtful", "report")

#: Attempts that `write` may have; as graph.yaml says it.
MOST: Final = 4


class Review(Scenario):
    """Written, tested, judged, sent back, passed; and a judge's rubbish that a person decides about."""

    name: ClassVar = "review"
    summary: ClassVar = (
        "opencode writes, a command tests, claude judges and sends it back once; needs both, with accounts"
    )
    limit_s: ClassVar = 3600.0

    def least_events(self, place: Place) -> int:
        """Four tasks and three judges, each with ready, starting, ended, its end; what is asked, judged, retried."""
        del place
        return 42

    def parameters(self, place: Place) -> dict[str, str]:
        """The folder in which they work."""
        return {"dir": place.out}

    def drive(self, client: Client, graphs: tuple[str, ...], place: Place) -> list[Check]:
        """Answer the one question, once it is asked."""
        del place
        asked = _question(client, graphs[0], self.limit_s)
        if asked is None:
            return [Check("rubbish is asked about", ok=False, detail="no question came")]
        decision = client.decision(asked)
        found = (decision.task, decision.kind, tuple(decision.options))
        client.decide(asked, ANSWER)
        right = found == ("doubtful", "judge", ("retry", "accept", "fail"))
        return [Check("rubbish is asked about", right, f"{found}: {decision.question}")]

    def judge(self, client: Client, ended: Ended, place: Place) -> list[Check]:
        """All are done, each verdict was heard once, and one session ran through all attempts."""
        del client
        view = ended.view
        tasks = {task.id: task for task in view.tasks}
        return [
            Check("graph state", view.state == "done", f"{view.state} {view.reason}"),
            *[_done(tasks[name]) for name in TASKS],
            _sent_back(tasks["write"]),
            _one_session(tasks["write"]),
            _rubbish(tasks["doubtful"]),
            *_judges(tasks),
            *expect.check_events(ended.events, view),
            _once(ended.events, view),
            _signed(place),
        ]

    def headline(self, ended: Ended) -> str:
        """What it has cost."""
        usages = [attempt.usage for task in ended.view.tasks for attempt in task.attempts if attempt.usage is not None]
        cost = sum(usage.cost_usd or 0.0 for usage in usages)
        turns = sum(usage.turns or 0 for usage in usages)
        return f"{len(usages)} attempts of agents, {turns} turns, ${cost:.4f}"


def _question(client: Client, graph: str, limit_s: float) -> str | None:
    """The ref of the graph's first question; None where it ends without one."""
    with client.follow(since=0, timeout_s=limit_s) as events:
        for event in events:
            if event.graph == graph and event.kind == "decision_asked":
                return str(event.data["ref"])
            if event.graph == graph and event.kind == "graph_ended":
                return None
    return None


def _done(task: TaskView) -> Check:
    states = [attempt.state for attempt in task.attempts]
    good = task.state == "done" and bool(states) and "unknown" not in states
    return Check(f"task {task.id}", good, f"{task.state} {task.reason}, attempts {states}")


def _outcomes(task: TaskView) -> list[str]:
    return [str(attempt.verdict["outcome"]) for attempt in task.attempts if attempt.verdict]


def _sent_back(task: TaskView) -> Check:
    outcomes = _outcomes(task)
    good = 2 <= len(outcomes) <= MOST and outcomes[-1] == "pass" and set(outcomes[:-1]) == {"fail"}
    return Check("sent back, then passed", good, f"{outcomes}, expected fail, then pass")


def _one_session(task: TaskView) -> Check:
    sessions = {attempt.session for attempt in task.attempts}
    return Check("one session", len(sessions) == 1 and "" not in sessions, f"{sorted(sessions)}")


def _rubbish(task: TaskView) -> Check:
    outcomes = _outcomes(task)
    return Check("rubbish is no pass", outcomes == ["error"], f"{outcomes}, expected one error")


def _judges(tasks: dict[str, TaskView]) -> list[Check]:
    """Each verdict was asked for once."""
    wanted = [f"write#judge-{number}" for number in range(1, len(tasks["write"].attempts) + 1)]
    judges = sorted(name for name in tasks if name not in TASKS)
    times = {name: len(tasks[name].attempts) for name in judges}
    return [
        Check("a judge for each attempt", judges == sorted([*wanted, "doubtful#judge-1"]), f"{judges}"),
        Check("each judge asked once", set(times.values()) == {1}, f"{times}"),
    ]


def _once(events: tuple[Event, ...], view: GraphView) -> Check:
    """As many attempts were started, and as many verdicts heard, as there are."""
    ours = [event for event in events if event.graph == view.id]
    starts = sum(event.kind == "attempt_starting" for event in ours)
    attempts = sum(len(task.attempts) for task in view.tasks)
    return Check("each attempt started once", starts == attempts, f"{starts} starts of {attempts} attempts")


def _signed(place: Place) -> Check:
    try:
        with open(f"{place.out}/report.txt", encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError as error:
        return Check("what was written", ok=False, detail=str(error))
    good = "# reviewed" in lines and lines[-1] == "all criteria are met"
    return Check("what was written", good, f"{len(lines)} lines, the last of the function's: {lines[-2:-1]}")


SCENARIO: Final = Review()
