"""What must come of a graph: an independent model, written from the documentation alone.

Simple and slow on purpose: each graph is worked through task by task in the order of its dependencies, policies are
read off the plain document, nothing is simulated in time. It shares no code with the daemon, not even how a document is
read. Where the outcome depends on time (a deadline, the end of a whole graph in the middle of its work), it gives
every end that is allowed.

    lives(…)   one task from ready to terminal: attempts, retries, questions, what its failure means
    predict(…) the whole graph: dependencies and conditions, edits, cancellations, retries in place
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from orch_actors.stress.scenarios.marathon.plan import Act, Action, GraphPlan

#: A failure class for each attempt, None where it did not fail.
Classes = tuple[str | None, ...]

#: The option that stands when nobody answers in time.
LEAST: Final = {"approve": "reject", "failure": "fail", "unknown": "fail"}


@dataclass(frozen=True)
class End:
    """One way in which a task may end."""

    #: `never`: not by itself.
    state: str
    #: Why it failed.
    cls: str | None = None
    #: Of every attempt that it has had by then.
    attempts: Classes = ()
    #: It failed, and its dependents go on all the same.
    forgiven: bool = False
    #: Its failure ends the whole graph.
    ends_graph: bool = False


@dataclass(frozen=True)
class Prediction:
    """What must come of a graph."""

    #: Task → the ends that are allowed.
    tasks: dict[str, frozenset[End]]
    states: frozenset[str]
    #: Task → how many questions it must have asked; None where that is not known.
    questions: dict[str, int | None]
    #: Task → its document as it stands in the end.
    documents: dict[str, dict[str, Any]]
    #: Task → how often it came to an end, revivals included.
    lives: dict[str, int]
    #: Tasks of which a failure was forgiven in one of their lives.
    forgiven: frozenset[str]


@dataclass
class _Task:
    """One task as the model goes through it."""

    document: dict[str, Any]
    acts: tuple[Act, ...]
    #: By kind of question: what the client answers, first to last; the last one is repeated if `always`.
    answers: list[str | None] = field(default_factory=list)
    always: str | None = None
    #: The client ends it before it starts.
    cancelled: bool = False
    questions: int = 0
    lives: int = 0
    forgiven: bool = False
    ends: frozenset[End] = frozenset()

    @property
    def id(self) -> str:
        return str(self.document["id"])

    def answer(self, about: str) -> str:
        """Take the next answer; where the client keeps silent, the default stands."""
        self.questions += 1
        if self.always is not None:
            return self.always
        given = self.answers.pop(0) if self.answers else None
        if given is not None:
            return given
        return str(self.document.get("ask", {}).get("default", LEAST.get(about, "")))


# --- one task -----------------------------------------------------------------------------------------------------


def lives(task: _Task, before: Classes) -> Iterator[End]:
    """The ways in which a task may end once its dependencies let it go; `before` are attempts of earlier lives."""
    if task.document.get("approve") and task.answer("approve") == "reject":
        yield End("cancelled", None, before)
        return
    document, seen, waited = task.document, list(before), 0.0
    while True:
        act = task.acts[min(len(seen), len(task.acts) - 1)]
        cls = _class_of(document, act)
        seen.append(cls)
        tries = len(seen) - len(before)
        if cls == "deadline":
            yield from _out_of_time(document, tuple(seen[:-1]))
            return
        if act.comes_to == "ask":
            task.answer("question")
            continue
        task.questions += act.asks
        if cls is None or cls == "cancelled":
            yield End("done" if cls is None else "cancelled", None, tuple(seen))
            return
        if cls == "unknown":
            choice = document.get("on_unknown", "ask")
            choice = task.answer("unknown") if choice == "ask" else choice
            if choice == "rerun":
                continue
            if document.get("on_unknown", "ask") == "ask":
                yield _chosen(choice, cls, tuple(seen))
                return
        elif _tried_again(document, tries, cls, act.code):
            waited += delay_s(document.get("retry", {}), tries)
            if waited > document.get("deadline", 1e9):
                yield from _out_of_time(document, tuple(seen))
                return
            continue
        choice = document.get("on_fail", "fail")
        choice = task.answer("failure") if choice == "ask" else choice
        if choice != "retry":
            yield _chosen(choice, cls, tuple(seen))
            return


def _class_of(document: Mapping[str, Any], act: Act) -> str | None:
    """What an attempt that does this comes to, under the bounds that its task has."""
    match act.comes_to:
        case "ok" | "ask":
            return None
        case "invalid":
            return "validation" if "validate" in document or "artifacts" in document else None
        case "hang":
            # Tasks of a plan have one of these at most; without any the client ends it.
            return next((bound for bound in ("timeout", "idle_timeout", "deadline") if bound in document), "cancelled")
        case "flood":
            return "output_limit"
        case "lost":
            return "unknown"
        case other:
            return other


def _tried_again(document: Mapping[str, Any], tries: int, cls: str, code: int) -> bool:
    retry = document.get("retry", {})
    if tries >= retry.get("attempts", 1):
        return False
    if retry.get("on") and cls not in retry["on"]:
        return False
    return not (cls == "exit" and retry.get("exit_codes") and code not in retry["exit_codes"])


def delay_s(retry: Mapping[str, Any], failures: int) -> float:
    """Seconds to wait after so many failures, before any spread."""
    wait = float(retry.get("backoff", 0.0))
    for _ in range(failures - 1):
        wait *= float(retry.get("factor", 2.0))
    return min(wait, float(retry.get("max_backoff", 300.0)))


def _chosen(choice: str, cls: str, attempts: Classes) -> End:
    """What a failure for good comes to."""
    match choice:
        case "accept":
            return End("done", None, attempts)
        case "continue":
            return End("failed", cls, attempts, forgiven=True)
        case "cancel_graph":
            return End("failed", cls, attempts, ends_graph=True)
        case _:
            return End("failed", cls, attempts)


def _out_of_time(document: Mapping[str, Any], attempts: Classes) -> Iterator[End]:
    """The deadline comes: while it waits to begin, while an attempt runs, or between two."""
    choice = document.get("on_fail", "fail")
    choice = "fail" if choice == "ask" else choice
    for length in range(len(attempts) + 1):
        yield _chosen(choice, "deadline", attempts[:length])
        yield _chosen(choice, "deadline", (*attempts[:length], "deadline"))


# --- dependencies -------------------------------------------------------------------------------------------------


def dependencies(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(task, condition) of each."""
    listed = document.get("depends_on", [])
    return [(one, "done") if isinstance(one, str) else (one["task"], one.get("on", "done")) for one in listed]


def _lets_go(condition: str, end: End) -> bool:
    if condition == "finished":
        return True
    return end.state == condition or (condition == "done" and end.forgiven)


def _in_order(tasks: Mapping[str, _Task]) -> list[_Task]:
    """Each after all that it depends on."""
    ordered: dict[str, _Task] = {}
    while len(ordered) < len(tasks):
        before = len(ordered)
        for name, task in tasks.items():
            if name not in ordered and all(other in ordered for other, _ in dependencies(task.document)):
                ordered[name] = task
        if len(ordered) == before:
            raise ValueError("the plan has a cycle")
    return list(ordered.values())


def _above(tasks: Mapping[str, _Task], name: str) -> set[str]:
    """All that must be over before a task begins; what a skipped one waited for may not be."""
    found: set[str] = set()
    for other, _ in dependencies(tasks[name].document):
        found.add(other)
        if _state(tasks[other].ends) != "skipped":
            found |= _above(tasks, other)
    return found


# --- the whole graph ----------------------------------------------------------------------------------------------


def predict(plan: GraphPlan) -> Prediction:
    """What must come of a plan, if the client follows its script."""
    tasks = _tasks_of(plan)
    _edit(plan, tasks)
    _answers(plan, tasks)
    _live(tasks, set(tasks))
    for action in _actions(plan, "retry"):
        _run_again(tasks, action)
    enders = [name for name, task in tasks.items() if any(end.ends_graph for end in task.ends)]
    stopped = [cue.task for cue in plan.script for action in cue.actions if action.verb == "cancel_graph"]
    cut = bool(enders or stopped or _wall(plan))
    allowed = {name: task.ends for name, task in tasks.items()}
    if cut:
        sure: set[str] = set()
        for name in [*enders, *stopped]:
            if name is not None:
                sure |= _above(tasks, name)
        allowed = {
            name: task.ends if name in sure or name in enders else frozenset(_cut_short(task))
            for name, task in tasks.items()
        }
    return Prediction(
        tasks=allowed,
        states=frozenset([_outcome(plan, allowed, enders, stopped)]),
        questions={name: None if cut else task.questions for name, task in tasks.items()},
        documents={name: task.document for name, task in tasks.items()},
        lives={name: task.lives for name, task in tasks.items()},
        forgiven=frozenset(name for name, task in tasks.items() if task.forgiven),
    )


def _tasks_of(plan: GraphPlan) -> dict[str, _Task]:
    """The tasks of the document: defaults put in, each `foreach` carried out."""
    defaults = plan.document.get("defaults", {})
    written = [{**defaults, **document} for document in plan.document["tasks"]]
    copies: dict[str, list[str]] = {}
    tasks: dict[str, _Task] = {}
    for document in written:
        name = document["id"]
        count = len(document["foreach"]) if "foreach" in document else 0
        copies[name] = [f"{name}-{number}" for number in range(1, count + 1)] or [name]
        for copy in copies[name]:
            plain = {key: value for key, value in document.items() if key != "foreach"}
            tasks[copy] = _Task({**plain, "id": copy}, plan.acts[name])
    for task in tasks.values():
        task.document["depends_on"] = [
            {"task": copy, "on": condition}
            for other, condition in dependencies(task.document)
            for copy in copies[other]
        ]
    return tasks


def _actions(plan: GraphPlan, *verbs: str) -> Iterator[Action]:
    """What the client does, but for what is refused or a trial."""
    for cue in plan.script:
        for action in cue.actions:
            if action.verb in verbs and action.refused is None and not action.dry_run and not action.stale:
                yield action


def _edit(plan: GraphPlan, tasks: dict[str, _Task]) -> None:
    """All edits come before what they change has started, so the graph is as if it had been so from the beginning."""
    for action in _actions(plan, "add", "update", "cancel_task"):
        if action.verb == "add":
            for document in action.tasks:
                tasks[document["id"]] = _Task(dict(document), action.acts[document["id"]])
            continue
        task = tasks[str(action.task)]
        if action.verb == "update":
            _change(task, action)
        elif task.acts[0].comes_to != "hang":
            task.cancelled = True


def _change(task: _Task, action: Action) -> None:
    changed = {**task.document, **action.set}
    task.document = {key: value for key, value in changed.items() if value is not None}
    task.acts = action.acts.get(task.id, task.acts)


def _answers(plan: GraphPlan, tasks: Mapping[str, _Task]) -> None:
    for cue in plan.script:
        if cue.task is None:
            continue
        for action in cue.actions:
            if action.verb == "answer" and cue.nth == 0:
                tasks[cue.task].always = action.choice
            elif action.verb == "answer":
                answers = tasks[cue.task].answers
                answers += [None] * (cue.nth - len(answers))
                answers[cue.nth - 1] = action.choice


def _live(tasks: Mapping[str, _Task], names: set[str]) -> None:
    """Let these tasks run, the others having ended as they did."""
    for task in _in_order(tasks):
        if task.id not in names:
            continue
        before = next(iter(task.ends)).attempts if task.ends else ()
        task.lives += 1
        task.ends = frozenset(_ends(tasks, task, before))
        task.forgiven = task.forgiven or any(end.forgiven for end in task.ends)


def _ends(tasks: Mapping[str, _Task], task: _Task, before: Classes) -> Iterable[End]:
    if task.cancelled:
        task.cancelled = False  # once: a later life is another matter
        return [End("cancelled", None, before)]
    # Every end of one task is alike in what its dependents look at.
    others = [(condition, next(iter(tasks[other].ends))) for other, condition in dependencies(task.document)]
    stuck = any(end.state == "never" or end.ends_graph for _, end in others)
    known = [(condition, end) for condition, end in others if not (end.state == "never" or end.ends_graph)]
    if not all(_lets_go(condition, end) for condition, end in known):
        return [End("skipped", None, before)]
    return [End("never", None, before)] if stuck else lives(task, before)


def _run_again(tasks: Mapping[str, _Task], action: Action) -> None:
    """A retry in place: the task (or all that failed or were cancelled) and what depends on it."""
    if action.task is not None:
        reached = {action.task}
        _change(tasks[action.task], action)
    else:
        reached = {name for name, task in tasks.items() if _state(task.ends) in ("failed", "cancelled")}
    for task in _in_order(tasks):
        if any(other in reached for other, _ in dependencies(task.document)):
            reached.add(task.id)
    _live(tasks, reached)


def _state(ends: frozenset[End]) -> str:
    (state,) = {end.state for end in ends}
    return state


def _cut_short(task: _Task) -> Iterator[End]:
    """Every end that a task may have in a graph that is ended: its own, or cancelled at any moment on the way to it."""
    for end in task.ends:
        if end.state != "never":
            yield end
        for length in range(len(end.attempts) + 1):
            yield End("cancelled", None, end.attempts[:length])
            if length < len(end.attempts):
                yield End("cancelled", None, (*end.attempts[:length], "cancelled"))


def _wall(plan: GraphPlan) -> bool:
    """A graph whose own time is bounded is ended by that: one of its tasks never ends by itself."""
    return "wall" in plan.document.get("limits", {})


def _outcome(plan: GraphPlan, tasks: Mapping[str, frozenset[End]], enders: list[str], stopped: list[str | None]) -> str:
    if stopped:
        return "cancelled"
    if enders or _wall(plan):
        return "failed"
    ends = [next(iter(found)) for found in tasks.values()]
    tolerant = plan.document.get("tolerant", False)
    if any(end.state == "failed" and not (tolerant and end.forgiven) for end in ends):
        return "failed"
    return "cancelled" if any(end.state == "cancelled" for end in ends) else "done"


def without_marks(end: End) -> End:
    """As far as clients can see it."""
    return replace(end, forgiven=False, ends_graph=False)
