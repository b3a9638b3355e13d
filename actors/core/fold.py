"""Folding facts into the state: the only way anything that is journalled changes, live and on replay.

So "replay equals live" holds by construction; what is derived (counters, queue, attempts in flight) is kept in
the same breath. A fact is checked against the table before it changes anything.
Must not know: clocks, journals, effects, policies.
"""

from math import inf

from msgspec.structs import replace

from orch_actors.actors.core import facts as f
from orch_actors.actors.core.budgets import budget_of, is_try, judges_of, left_of_graph, reserved
from orch_actors.actors.core.errors import InvalidTransition
from orch_actors.actors.core.nodes import (
    NO_CLAIMS,
    Attempt,
    Consumer,
    Decision,
    Graph,
    Task,
    WorkerType,
    WorkerTypeState,
)
from orch_actors.actors.core.state import State, graph_key, lock_key, resource_key, satisfied, story
from orch_actors.actors.core.table import GRAPH_MOVES, TASK_MOVES, WORKER_MOVES
from orch_actors.protocol.spec.graph import Budget, Condition, TaskSpec
from orch_actors.protocol.spec.parse import parse_graph, parse_task
from orch_actors.protocol.views import GraphState, TaskState


def fold(state: State, fact: f.Fact, at_utc: float) -> None:
    """Take one fact in. `at_utc` is the wall time of the decision, in seconds since the epoch.

    Raises:
        InvalidTransition: the table does not allow it; nothing was changed.
    """
    match fact:
        case f.TaskReady():
            _ready(state, state.task(fact.graph, fact.task), at_utc)
        case f.AttemptStarting():
            _starting(state, state.task(fact.graph, fact.task), fact, at_utc)
        case f.AttemptEnded():
            _attempt_ended(state, state.task(fact.graph, fact.task), fact)
        case f.TaskEnded():
            _task_ended(state, state.task(fact.graph, fact.task), fact)
        case f.TaskQuarantined():
            _quarantined(state, state.task(fact.graph, fact.task), fact, at_utc)
        case f.GraphSubmitted():
            _submitted(state, fact, at_utc)
        case f.GraphEnded():
            graph = state.graphs[fact.graph]
            _move_graph(graph, "graph_ended", fact.state)
            graph.reason, graph.ended_utc, graph.ended_seq = fact.reason, at_utc, state.told + 1
            note_over(state, graph)
        case f.RetryScheduled():
            task = state.task(fact.graph, fact.task)
            _move(task, "retry_scheduled", "pending")
            task.retry_at_utc, task.retry_delay_s = fact.at_utc, fact.delay_s
            state.retrying[task.ref] = task
        case f.AttemptAdopted() | f.AttemptStopping() | f.AttemptProgressed():
            _fold_running(state.task(fact.graph, fact.task), fact)
        case f.DecisionAsked():
            _asked(state, fact, at_utc)
        case f.DecisionAnswered():
            _answered(state, fact, at_utc)
        case f.TaskBlocked():
            _move(state.task(fact.graph, fact.task), "task_blocked", "blocked")
        case f.JudgeAsked() | f.Judged():
            _fold_judging(state, state.task(fact.graph, fact.task), fact)
        case f.WorkerPaused() | f.WorkerResumed() | f.WorkerParked() | f.WorkerUnparked() | f.WorkerLimited():
            _fold_worker(state, fact, at_utc)
        case f.WorkerEased():
            state.worker(fact.worker).quota_times = 0
        case f.ConsumerOpened() | f.ConsumerAdvanced() | f.ConsumerForgotten():
            _fold_consumer(state, fact, at_utc)
        case _:
            _fold_edit(state, fact, at_utc)
    if not isinstance(fact, f.SilentFact):
        state.told += 1


def pass_over(state: State, fact: f.Fact) -> None:
    """Take in what outlasts a graph: of a fact about one that is forgotten further on nothing else is left.

    Whoever folds a history may pass over all facts of such a graph, from its submission on; the state is the same.
    """
    match fact:
        case f.GraphSubmitted(graph=graph):
            note_numbers(state, graph=graph)
        case f.DecisionAsked(ref=ref):
            note_numbers(state, decision=ref)
        case _:
            pass  # all that it says is about the graph
    if not isinstance(fact, f.SilentFact):
        state.told += 1


def note_numbers(state: State, *, graph: str = "", decision: str = "") -> None:
    """Have the numbers in these ids never be given again."""
    if graph:
        state.last_graph = max(state.last_graph, int(graph[1:]))
    if decision:
        state.last_decision = max(state.last_decision, int(decision[1:]))


def _fold_running(task: Task, fact: f.AttemptAdopted | f.AttemptStopping | f.AttemptProgressed) -> None:
    _check(task, str(fact.__struct_config__.tag), "running", fact.attempt)
    attempt = task.attempts[-1]
    match fact:
        case f.AttemptAdopted():
            attempt.pid = fact.pid
        case f.AttemptStopping():
            attempt.stopping = (fact.cls, fact.why)
        case f.AttemptProgressed():
            attempt.progress, attempt.percent = fact.text, fact.percent
            attempt.progressed += 1


def _fold_worker(
    state: State,
    fact: f.WorkerPaused | f.WorkerResumed | f.WorkerParked | f.WorkerUnparked | f.WorkerLimited,
    at_utc: float,
) -> None:
    worker = state.worker(fact.worker)
    match fact:
        case f.WorkerPaused():
            worker.paused, worker.pause_reason, worker.paused_until_utc = True, fact.reason, fact.until_utc
            worker.quota_times = fact.times or worker.quota_times
            state.scheduler.suspend(fact.worker)
        case f.WorkerResumed():
            worker.paused, worker.pause_reason, worker.paused_until_utc = False, "", None
        case f.WorkerParked():
            _move_worker(worker, "worker_parked", "parked")
            worker.park_reason, worker.parkings = fact.reason, fact.times
            state.scheduler.suspend(fact.worker)
        case f.WorkerUnparked():
            _move_worker(worker, "worker_unparked", "open")
            worker.park_reason, worker.unparked_utc = "", at_utc
            if fact.afresh:
                worker.parkings = 0
        case f.WorkerLimited():
            worker.override = fact.parallel
    state.scheduler.dirty.add(fact.worker)


def _fold_consumer(
    state: State, fact: f.ConsumerOpened | f.ConsumerAdvanced | f.ConsumerForgotten, at_utc: float
) -> None:
    match fact:
        case f.ConsumerOpened(consumer=name):
            state.consumers[name] = Consumer(name, fact.seq, fact.kinds, fact.graphs, at_utc)
        case f.ConsumerAdvanced():
            consumer = state.consumers[fact.consumer]
            consumer.cursor, consumer.acknowledged_utc = fact.seq, at_utc
        case f.ConsumerForgotten():
            del state.consumers[fact.consumer]


def _fold_edit(
    state: State,
    fact: f.TaskHeld
    | f.TaskRevived
    | f.TasksAdded
    | f.TaskUpdated
    | f.GraphPaused
    | f.GraphResumed
    | f.GraphReopened
    | f.GraphLimited
    | f.GraphBudgeted
    | f.GraphForgotten
    | f.GraphEdited
    | f.GraphCancelling,
    at_utc: float,
) -> None:
    graph = state.graphs[fact.graph]
    match fact:
        case f.TaskHeld():
            task = graph.tasks[fact.task]
            _move(task, "task_held", "pending")
            state.scheduler.remove(task.ref)
            task.claims = NO_CLAIMS
        case f.TaskRevived():
            _revived(graph, graph.tasks[fact.task])
        case f.TasksAdded():
            _added(graph, fact)
        case f.TaskUpdated():
            _updated(state, graph.tasks[fact.task], fact)
        case f.GraphPaused():
            _move_graph(graph, "graph_paused", "paused")
            graph.reason = fact.reason
            graph.version += 1
            state.scheduler.set_capacity(graph_key(graph.id), 0)
        case f.GraphResumed():
            _move_graph(graph, "graph_resumed", "running")
            graph.reason = ""
            graph.version += 1
            set_graph_capacity(state, graph)
        case f.GraphReopened():
            _move_graph(graph, "graph_reopened", "running")
            graph.reason, graph.ended_utc, graph.cancelling = "", None, False
            graph.wall_from_utc = at_utc
            _note_not_over(state, graph)
            set_graph_capacity(state, graph)
        case f.GraphLimited():
            _move_graph(graph, "graph_limited", graph.state)
            graph.parallel = fact.parallel
            graph.version += 1
            set_graph_capacity(state, graph)
        case f.GraphBudgeted():
            _move_graph(graph, "graph_budgeted", graph.state)
            graph.budget = Budget(usd=fact.usd, tokens=fact.tokens, attempts=fact.attempts)
            graph.version += 1
            set_budget_capacities(state, graph)
        case f.GraphEdited():
            _move_graph(graph, "graph_edited", graph.state)
            graph.version += 1
        case f.GraphCancelling():
            _move_graph(graph, "graph_cancelling", graph.state)
            graph.cancelling, graph.reason, graph.outcome = True, fact.reason, fact.outcome
        case f.GraphForgotten():
            _move_graph(graph, "graph_forgotten", graph.state)
            _forgotten(state, graph)


# --- moving -------------------------------------------------------------------------------------------------------


def _check(task: Task, fact: str, to: TaskState, attempt: int = 0) -> None:
    """The table allows it; and if it is about an attempt, that is the newest one, and runs."""
    possible = not attempt or (attempt == len(task.attempts) and task.attempts[-1].ended_utc is None)
    if to not in TASK_MOVES.get((task.state, fact), ()) or not possible:
        which = f" of attempt {attempt}" if attempt else ""
        raise InvalidTransition(task.ref, task.state, f"{fact}{which} → {to}", story(task))


def _move(task: Task, fact: str, to: TaskState) -> None:
    """The one place where the state of a task that is there changes. While an attempt runs, it stays `running`."""
    _check(task, fact, to)
    if task.state == "running" != to and task.attempts[-1].ended_utc is None and fact != "task_quarantined":
        raise InvalidTransition(task.ref, "running an attempt", f"{fact} → {to}", story(task))
    if task.judged is None:
        counts = task.graph.counts
        counts[task.state] -= 1
        if not counts[task.state]:
            del counts[task.state]
        counts[to] = counts.get(to, 0) + 1
    task.state = to


def _move_graph(graph: Graph, fact: str, to: GraphState) -> None:
    """The one place where the state of a graph that is there changes."""
    if to not in GRAPH_MOVES.get((graph.state, fact), ()):
        raise InvalidTransition(graph.id, graph.state, f"{fact} → {to}", ())
    graph.state = to


def _move_worker(worker: WorkerType, fact: str, to: WorkerTypeState) -> None:
    """The one place where a worker type is parked and released."""
    if to not in WORKER_MOVES.get((worker.state, fact), ()):
        raise InvalidTransition(worker.name, worker.state, f"{fact} → {to}", ())
    worker.parked = to == "parked"


# --- graphs and their tasks -----------------------------------------------------------------------------------------


def _submitted(state: State, fact: f.GraphSubmitted, at_utc: float) -> None:
    spec = parse_graph(fact.document, base_dir="/", accepted=True)
    bare = replace(spec, tasks=())  # they stand in `graph.tasks`, with their options of now
    graph = Graph(fact.graph, bare, fact.environment, fact.client, fact.key, fact.digest, at_utc)
    graph.parallel, graph.wall_from_utc = spec.limits.parallel, at_utc
    graph.budget = budget_of(spec.limits)
    graph.parent, graph.depth = fact.parent, fact.depth
    set_budget_capacities(state, graph)
    adopt(state, graph)
    state.graphs[graph.id] = graph
    state.last_graph = max(state.last_graph, int(graph.id[1:]))
    state.names.setdefault(spec.name, []).append(graph.id)
    if fact.key is not None:
        state.keys[fact.key] = graph.id
    _take_in(graph, spec.tasks)
    set_graph_capacity(state, graph)


def adopt(state: State, graph: Graph) -> None:
    """Make a graph known to the one from inside which it was submitted."""
    parent = state.graphs.get(graph.parent.partition("/")[0])
    if parent is not None:
        parent.children.append(graph.id)


def note_over(state: State, graph: Graph) -> None:
    """It has ended, as the last one so far."""
    state.over[graph.id] = len(graph.tasks)
    state.over_tasks += len(graph.tasks)


def _note_not_over(state: State, graph: Graph) -> None:
    state.over_tasks -= state.over.pop(graph.id, 0)


def _take_in(graph: Graph, specs: tuple[TaskSpec, ...]) -> None:
    new = [Task(graph, spec, len(graph.tasks) + offset) for offset, spec in enumerate(specs)]
    for task in new:
        graph.tasks[task.id] = task
    for task in new:
        link(task)
        _recount(task)
    graph.open_tasks += len(new)
    graph.counts["pending"] = graph.counts.get("pending", 0) + len(new)


def link(task: Task) -> None:
    """Make a task known to those that it depends on."""
    for dependency in task.spec.depends_on:
        task.graph.tasks[dependency.task].dependents.append((task, dependency.on))


def _place(dependent: tuple[Task, Condition]) -> int:
    return dependent[0].index


def _recount(task: Task) -> None:
    """Work out anew what a task still waits for, and what has become impossible; linear in its dependencies."""
    task.unmet, task.broken_by = 0, None
    for dependency in task.spec.depends_on:
        other = task.graph.tasks[dependency.task]
        if other.terminal and satisfied(dependency.on, other):
            continue
        task.unmet += 1
        if other.terminal and task.broken_by is None:
            task.broken_by = other


def set_graph_capacity(state: State, graph: Graph) -> None:
    """Let the scheduler know how much of a graph may run at once, which is nothing while it is paused."""
    if graph.state == "paused":
        state.scheduler.set_capacity(graph_key(graph.id), 0)
        return
    state.scheduler.set_capacity(graph_key(graph.id), inf if graph.parallel is None else graph.parallel)


def set_budget_capacities(state: State, graph: Graph) -> None:
    """Let the scheduler know how much of a graph's dollars and tokens is not spent."""
    for name, amount in left_of_graph(graph).items():
        state.scheduler.set_capacity(name, amount)


def _added(graph: Graph, fact: f.TasksAdded) -> None:
    _move_graph(graph, "tasks_added", graph.state)
    _take_in(graph, tuple(parse_task(document, base_dir="/", accepted=True) for document in fact.documents))
    graph.version += 1


def _updated(state: State, task: Task, fact: f.TaskUpdated) -> None:
    spec = parse_task(fact.document, base_dir="/", accepted=True)
    now = [task.graph.tasks[dependency.task] for dependency in spec.depends_on]
    for dependency in task.spec.depends_on:
        other = task.graph.tasks[dependency.task]
        other.dependents = [(waiting, on) for waiting, on in other.dependents if waiting is not task]
    task.spec = spec
    link(task)
    for other in now:
        other.dependents.sort(key=_place)
    _recount(task)
    task.graph.version += 1
    for one in (task, *judges_of(task)):  # what a judge may use depends on its task's budget
        _claim_anew(state, one)


def _claim_anew(state: State, task: Task) -> None:
    """Its options have changed, and its place in the queue and what it claims depend on them."""
    if task.state == "ready":
        state.scheduler.remove(task.ref)
        enqueue(state, task)
    elif task.state == "running":  # its budget may change then, and nothing else of it
        before, task.claims = task.claims, _claims_of(task)
        state.scheduler.exchange(before, task.claims)


def _revived(graph: Graph, task: Task) -> None:
    _move(task, "task_revived", "pending")
    task.tries_before, task.rounds = len(task.attempts), 0
    task.cls, task.reason, task.forgiven, task.begun_utc = None, "", False, None
    task.approved = False
    graph.open_tasks += 1
    graph.version += 1
    _recount(task)
    for dependent, _ in task.dependents:
        _recount(dependent)


def _forgotten(state: State, graph: Graph) -> None:
    del state.graphs[graph.id]
    _note_not_over(state, graph)
    parent = state.graphs.get(graph.parent.partition("/")[0])
    if parent is not None:
        parent.children.remove(graph.id)
    for name in (graph_key(graph.id), *left_of_graph(graph)):
        state.scheduler.drop_capacity(name)
    ids = state.names[graph.spec.name]
    ids.remove(graph.id)
    if not ids:
        del state.names[graph.spec.name]
    if graph.key is not None and state.keys.get(graph.key) == graph.id:
        del state.keys[graph.key]
    for ref in graph.decisions:
        del state.decisions[ref]
    for task in graph.tasks.values() if state.quarantine else ():
        state.quarantine.pop(task.ref, None)
    # Tasks refer to their graph: without this, memory would wait for the collector, which never looks at what was there
    # when a life began (recalling.py).
    graph.tasks.clear()


# --- attempts -------------------------------------------------------------------------------------------------------


def _claims_of(task: Task) -> dict[str, float]:
    """What an attempt of this task holds while it runs."""
    claims = {graph_key(task.graph.id): 1.0}
    for name, amount in task.spec.resources.items():
        claims[resource_key(name)] = amount
    for name in task.spec.exclusive:
        claims[lock_key(name)] = 1.0
    claims.update(reserved(task))
    return claims


def enqueue(state: State, task: Task) -> None:
    """Have a task wait for a slot, with what it claims by its options of now."""
    task.claims = _claims_of(task)
    state.scheduler.add(task.ref, task.worker, (-task.spec.priority, task.rank), task.claims)


def _ready(state: State, task: Task, at_utc: float) -> None:
    _move(task, "task_ready", "ready")
    state.retrying.pop(task.ref, None)
    task.retry_at_utc = None
    if task.begun_utc is None:
        task.begun_utc = at_utc
    task.rank = state.told + 1
    enqueue(state, task)


def _starting(state: State, task: Task, fact: f.AttemptStarting, at_utc: float) -> None:
    if fact.attempt != len(task.attempts) + 1:
        raise InvalidTransition(task.ref, task.state, f"attempt_starting of attempt {fact.attempt}", story(task))
    _move(task, "attempt_starting", "running")
    state.scheduler.take(task.ref)
    task.attempts.append(Attempt(fact.attempt, fact.boot, at_utc, session=fact.session, resume=fact.resume))
    task.graph.spent.attempts += 1
    state.in_flight.setdefault(task.worker, {})[task.ref] = task
    state.worker(task.worker).running += 1


def _attempt_ended(state: State, task: Task, fact: f.AttemptEnded) -> None:
    _check(task, "attempt_ended", "running", fact.attempt)
    attempt = task.attempts[-1]
    attempt.ended_utc, attempt.duration_s = fact.ended_utc, fact.duration_s
    if fact.started_utc:
        attempt.started_utc = fact.started_utc
    attempt.exit_code, attempt.cls, attempt.message = fact.exit_code, fact.cls, fact.message
    attempt.tail, attempt.checked = fact.tail, fact.checked
    result = bytes(fact.result)
    attempt.result = None if result == b"null" else result
    attempt.result_in_file = fact.result_in_file
    attempt.artifacts = fact.artifacts
    attempt.usage, attempt.session = fact.usage, fact.session or attempt.session
    task.graph.spent.attempts -= not is_try(attempt)
    task.graph.spent.add(fact.usage)
    if fact.usage is not None:
        set_budget_capacities(state, task.graph)
    del state.in_flight[task.worker][task.ref]
    state.worker(task.worker).running -= 1
    state.scheduler.give_back(task.worker, task.claims)
    task.claims = NO_CLAIMS


def _task_ended(state: State, task: Task, fact: f.TaskEnded) -> None:
    _move(task, "task_ended", fact.state)
    state.scheduler.remove(task.ref)
    task.claims = NO_CLAIMS
    state.retrying.pop(task.ref, None)
    task.retry_at_utc = None
    task.cls, task.reason, task.forgiven = fact.cls, fact.reason, fact.forgiven
    task.decision = task.judge = None
    task.graph.open_tasks -= 1
    for dependent, condition in task.dependents:
        if satisfied(condition, task):
            dependent.unmet -= 1
        elif dependent.broken_by is None:
            dependent.broken_by = task


def take_out(state: State, task: Task) -> None:
    """Out of whatever it is at: the queue, a wait for its next attempt, its slot; its claims are free."""
    state.scheduler.remove(task.ref)
    state.retrying.pop(task.ref, None)
    task.retry_at_utc = None
    if state.in_flight.get(task.worker, {}).pop(task.ref, None) is not None:
        state.worker(task.worker).running -= 1
        state.scheduler.give_back(task.worker, task.claims)
    task.claims = NO_CLAIMS


def _quarantined(state: State, task: Task, fact: f.TaskQuarantined, at_utc: float) -> None:
    was_open = not task.terminal
    _move(task, "task_quarantined", "failed")
    take_out(state, task)
    unknown = "how it ended is not known: its task was put into quarantine"
    if task.attempts and task.attempts[-1].ended_utc is None:
        last = task.attempts[-1]
        last.ended_utc, last.cls, last.message = at_utc, "unknown", unknown
    for number in range(len(task.attempts) + 1, fact.attempts + 1):
        task.attempts.append(Attempt(number, "", at_utc, ended_utc=at_utc, cls="unknown", message=unknown))
        task.graph.spent.attempts += 1
    task.judges += fact.judges
    task.cls, task.reason, task.forgiven = "quarantine", fact.reason, False
    task.decision = task.judge = None
    task.graph.open_tasks -= was_open
    for dependent, _ in task.dependents:
        _recount(dependent)
    state.quarantine.pop(task.ref, None)


# --- judges ---------------------------------------------------------------------------------------------------------


def _fold_judging(state: State, task: Task, fact: f.JudgeAsked | f.Judged) -> None:
    match fact:
        case f.JudgeAsked():
            _judge_asked(state, task, fact)
        case f.Judged():
            _judged(task, fact)


def _judge_asked(state: State, task: Task, fact: f.JudgeAsked) -> None:
    spec = parse_task(fact.document, base_dir="/", accepted=True)
    companion = Task(task.graph, spec, len(task.graph.tasks), judged=task)
    companion.about = state.decisions[fact.decision] if fact.decision else None
    if fact.decision:
        _check(task, "judge_asked", task.state)
    else:
        _move(task, "judge_asked", "judging")
    task.graph.tasks[companion.id] = companion
    task.graph.open_tasks += 1
    task.judges.append(companion.id)
    task.judge = companion


def _judged(task: Task, fact: f.Judged) -> None:
    _check(task, "judged", task.state)
    companion = task.graph.tasks[fact.judge]
    task.judge = None
    if companion.about is not None:
        return
    task.attempts[-1].verdict = {
        "judge": companion.ref,
        "outcome": fact.outcome,
        "why": fact.why,
        "feedback": fact.feedback,
        **fact.verdict,
    }
    if fact.outcome == "fail":
        task.rounds += 1


# --- decisions ------------------------------------------------------------------------------------------------------


#: Decisions about one worker type that are remembered; those about tasks go with their graphs.
_KEPT_OF_A_WORKER = 10


def _asked(state: State, fact: f.DecisionAsked, at_utc: float) -> None:
    number = int(fact.ref[1:])
    subject = state.worker(fact.worker) if fact.worker else state.task(fact.graph, fact.task)
    decision = Decision(
        ref=fact.ref,
        subject=subject,
        about=fact.about,
        question=fact.question,
        options=fact.options,
        default=fact.default,
        deadline_s=fact.deadline_s,
        evidence=fact.evidence,
        asked_utc=at_utc,
    )
    match subject:
        case Task():
            _move(subject, "decision_asked", "blocked" if fact.blocks else subject.state)
            state.scheduler.remove(subject.ref)  # where it was not started since its budget is used up
            subject.claims = NO_CLAIMS if subject.state == "blocked" else subject.claims
            if subject.begun_utc is None:
                subject.begun_utc = at_utc
            subject.graph.decisions.append(fact.ref)
        case WorkerType():
            subject.decisions.append(fact.ref)
            for old in subject.decisions[:-_KEPT_OF_A_WORKER]:
                del state.decisions[old]
            del subject.decisions[:-_KEPT_OF_A_WORKER]
    subject.decision = state.decisions[fact.ref] = decision
    state.last_decision = max(state.last_decision, number)


def _answered(state: State, fact: f.DecisionAnswered, at_utc: float) -> None:
    decision = state.decisions[fact.ref]
    if isinstance(decision.subject, Task) and decision.subject.id != fact.task:
        raise ValueError(f"{fact.ref} is about {decision.subject.ref}")
    decision.choice, decision.note, decision.by, decision.answered_utc = fact.choice, fact.note, fact.by, at_utc
    subject = decision.subject
    subject.decision = None
    if isinstance(subject, Task):
        if subject.judge is not None and subject.judge.about is decision:
            subject.judge = None
        if fact.choice in decision.options:  # it may also have been withdrawn
            subject.answer = decision
        if decision.about == "approve":
            subject.approved = fact.choice == "approve"
