"""Scenes of a marathon: a few tasks and what the client does in the middle of them, with an outcome that is certain.

What a client does to a running graph has a certain outcome only if what it does it to cannot have started, or ended,
meanwhile. So each scene has a latch: a task that waits for the client's approval, which comes after the edits; or a
task that hangs until it is ended; or it is the end of the scene itself that brings the client in.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from msgspec import Struct

from orch_actors.stress.scenarios.marathon.flavours import HANG, OK, SLOW, fail
from orch_actors.stress.scenarios.marathon.plan import Act, Action, Cue

Document = dict[str, Any]


class Scene(Struct, kw_only=True):
    """Tasks (documents without their program), their acts, and the client's part. `root` waits for nothing within."""

    root: str
    tasks: list[Document]
    acts: dict[str, tuple[Act, ...]]
    script: list[Cue]


MakeScene = Callable[[Random, str], Scene]


def _answer(task: str, *before: Action, choice: str = "approve", after: tuple[Action, ...] = ()) -> Cue:
    """At the task's question: first these, then the answer."""
    actions = (*before, Action(verb="answer", choice=choice), *after)
    return Cue(when="decision_asked", task=task, actions=actions)


def _on(name: str, condition: str) -> Document:
    return {"task": name, "on": condition}


def cancel_waiting(rng: Random, name: str) -> Scene:
    """A task is cancelled before it starts; its dependents follow their conditions."""
    latch, gone, after, never = (f"{name}.{part}" for part in ("latch", "gone", "after", "never"))
    refused = Action(verb="cancel_task", task=gone, refused="NOT_ALLOWED")
    return Scene(
        root=latch,
        tasks=[
            {"id": latch, "approve": True},
            {"id": gone, "depends_on": [latch]},
            {"id": after, "depends_on": [_on(gone, "finished")], "priority": rng.randint(-5, 5)},
            {"id": never, "depends_on": [_on(gone, rng.choice(["done", "failed"]))]},
        ],
        acts={latch: (OK,), gone: (OK,), after: (OK,), never: (OK,)},
        script=[_answer(latch, Action(verb="cancel_task", task=gone), refused)],
    )


def cancel_running(_: Random, name: str) -> Scene:
    """A task is cancelled while it runs; it cannot be changed then, either."""
    gone, after, never = (f"{name}.{part}" for part in ("gone", "after", "never"))
    actions = (
        Action(verb="update", task=gone, set={"priority": 7}, refused="NOT_ALLOWED"),
        Action(verb="cancel_task", task=gone),
    )
    return Scene(
        root=gone,
        tasks=[
            {"id": gone, "grace": 0.2},
            {"id": after, "depends_on": [_on(gone, "finished")]},
            {"id": never, "depends_on": [gone]},
        ],
        acts={gone: (HANG,), after: (OK,), never: (OK,)},
        script=[Cue(when="attempt_starting", task=gone, actions=actions)],
    )


def update(rng: Random, name: str) -> Scene:
    """Options of tasks that wait are changed: policies, what they do, what they wait for. A cycle is refused."""
    latch, first, second = (f"{name}.{part}" for part in ("latch", "first", "second"))
    changes: Document = {"retry": {"attempts": 3}, "priority": rng.randint(-9, 9), "title": "Changed"}
    edits = [
        Action(verb="update", task=first, set=changes, acts={first: (fail(3), fail(3), OK)}),
        Action(verb="update", task=first, set={"retry": None, "on_fail": "ask"}, dry_run=True),
        Action(verb="update", task=first, set={"retry": None}, stale=True, refused="STALE_VERSION"),
        Action(verb="update", task=first, set={"depends_on": [second]}, refused="INVALID_GRAPH"),
        Action(verb="update", task=first, set={"depends_on": ["nobody"]}, refused="INVALID_GRAPH"),
        Action(verb="update", task=second, set={"depends_on": [_on(first, "finished"), latch], "validate": None}),
    ]
    if rng.random() < 0.5:
        edits.append(Action(verb="update", task=first, set={"retry": None, "on_fail": "continue"}))
    return Scene(
        root=latch,
        tasks=[
            {"id": latch, "approve": True},
            {"id": first, "depends_on": [latch], "on_fail": "cancel_graph"},
            {"id": second, "depends_on": [latch, first], "validate": {"pattern": "it does not say this"}},
        ],
        acts={latch: (OK,), first: (fail(1),), second: (OK,)},
        script=[_answer(latch, *edits)],
    )


def add(rng: Random, name: str) -> Scene:
    """Tasks are added; others are not: a trial, a stale edit, and one with an error in it."""
    latch, first, second, third = (f"{name}.{part}" for part in ("latch", "first", "second", "third"))
    trial = {"id": f"{name}.trial", "command": "true"}
    new: list[Document] = [
        {"id": first, "depends_on": [latch]},
        {"id": second, "depends_on": [_on(first, "failed")], "priority": rng.randint(-5, 5)},
        {"id": third, "depends_on": [second, latch]},
    ]
    acts: dict[str, tuple[Act, ...]] = {first: (fail(2),), second: (SLOW,), third: (OK,)}
    actions = (
        Action(verb="add", tasks=(trial,), dry_run=True),
        Action(verb="add", tasks=(trial,), stale=True, refused="STALE_VERSION"),
        Action(verb="add", tasks=({**trial, "depends_on": ["nobody"]},), refused="INVALID_GRAPH"),
        Action(verb="add", tasks=tuple(new), acts=acts),
    )
    return Scene(
        root=latch,
        tasks=[{"id": latch, "approve": True}],
        acts={latch: (OK,)},
        script=[_answer(latch, *actions)],
    )


def pause(_: Random, name: str) -> Scene:
    """The graph pauses; a task that runs already ends then, and the next one, the first of all in line, waits."""
    runs, after = (f"{name}.{part}" for part in ("runs", "next"))
    return Scene(
        root=runs,
        tasks=[{"id": runs}, {"id": after, "depends_on": [runs], "priority": 1000}],
        acts={runs: (Act("let_go"),), after: (OK,)},
        script=[
            Cue(
                when="attempt_starting",
                task=runs,
                actions=(Action(verb="pause_graph"), Action(verb="release")),
            ),
            Cue(
                when="task_ended",
                task=runs,
                actions=(Action(verb="why", task=after, choice="paused"), Action(verb="resume_graph")),
            ),
        ],
    )


def pause_worker(_: Random, name: str) -> Scene:
    """The worker type pauses around an approval."""
    latch, after = (f"{name}.{part}" for part in ("latch", "next"))
    resumed = (Action(verb="why", task=latch, choice="worker_paused"), Action(verb="resume_worker"))
    return Scene(
        root=latch,
        tasks=[{"id": latch, "approve": True, "priority": 1000}, {"id": after, "depends_on": [latch]}],
        acts={latch: (OK,), after: (OK,)},
        script=[_answer(latch, Action(verb="pause_worker"), after=resumed)],
    )


def limit(rng: Random, name: str) -> Scene:
    """Limits go down, and up again with the scene's end."""
    first, last = (f"{name}.{part}" for part in ("first", "last"))
    of = rng.choice(["limit_graph", "limit_worker"])
    lower = Action(verb="limit_graph" if of == "limit_graph" else "limit_worker", parallel=rng.randint(1, 2))
    raise_ = Action(verb=lower.verb, parallel=rng.choice([None, 6]))
    # Answered by the client, so that the graph cannot be over before: an ended one has no limit to change.
    return Scene(
        root=first,
        tasks=[{"id": first}, {"id": last, "depends_on": [first], "approve": True}],
        acts={first: (OK,), last: (OK,)},
        script=[Cue(when="task_ended", task=first, actions=(lower,)), _answer(last, raise_)],
    )


def retry_chain(rng: Random, name: str) -> Scene:
    """A task that is over runs again in place, and what depends on it with it; sometimes with other options."""
    first, second, third = (f"{name}.{part}" for part in ("first", "second", "third"))
    failed = rng.random() < 0.6
    changes: Document = {"timeout": 60} if rng.random() < 0.5 else {}
    acts: dict[str, tuple[Act, ...]] = {first: (fail(9) if failed else OK, OK), second: (OK,), third: (OK,)}
    return Scene(
        root=first,
        tasks=[
            {"id": first},
            {"id": second, "depends_on": [first]},
            {"id": third, "depends_on": [second]},
        ],
        acts=acts,
        script=[
            Cue(
                when="task_ended",
                task=third,
                actions=(
                    Action(verb="retry", task=first, dry_run=True),
                    Action(verb="retry", task=first, set=changes),
                ),
            )
        ],
    )


def ask_and_wait(_: Random, name: str) -> Scene:
    """The client asks on behalf of a task that waits for the answer while it runs."""
    asks, after = (f"{name}.{part}" for part in ("asks", "after"))
    return Scene(
        root=asks,
        tasks=[{"id": asks}, {"id": after, "depends_on": [asks]}],
        acts={asks: (Act("let_go", asks=True),), after: (OK,)},
        script=[
            Cue(when="attempt_starting", task=asks, actions=(Action(verb="ask"),)),
            _answer(asks, choice="go", after=(Action(verb="release"),)),
        ],
    )


def ask_and_leave(_: Random, name: str) -> Scene:
    """The same, but it leaves before it has the answer, and finds it in its next attempt."""
    asks = f"{name}.asks"
    actions = (Action(verb="ask"), Action(verb="release"))
    return Scene(
        root=asks,
        tasks=[{"id": asks}],
        acts={asks: (Act("let_go", "ask"), Act("answered stay"))},
        script=[
            Cue(when="attempt_starting", task=asks, actions=actions),
            Cue(when="task_blocked", task=asks, actions=(Action(verb="answer", choice="stay"),)),
        ],
    )


#: At most one of these in a graph: of two pauses at once, a task tells of one.
ONCE: Final = frozenset({pause, pause_worker})

#: Scene → its tasks, added ones included.
SCENES: Final[dict[MakeScene, int]] = {
    cancel_waiting: 4,
    cancel_running: 3,
    update: 3,
    add: 4,
    pause: 2,
    pause_worker: 2,
    limit: 2,
    retry_chain: 3,
    ask_and_wait: 2,
    ask_and_leave: 1,
}
