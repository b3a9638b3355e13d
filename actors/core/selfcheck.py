"""The self-check: what must never be. Every derived field is worked out anew and compared; linear, for tests."""

from collections.abc import Iterator, Mapping

from orch_actors.actors.core.budgets import left_of_graph, recounted, reserved
from orch_actors.actors.core.nodes import Graph, Task
from orch_actors.actors.core.state import State, graph_key, lock_key, resource_key, satisfied, unmet_dependencies
from orch_actors.actors.core.table import GRAPH_TERMINAL, TERMINAL
from orch_actors.protocol.views import TaskState


def broken_invariants(state: State) -> list[str]:
    """All that does not hold, a sentence each; empty for a sound state."""
    found = [*_of_workers(state), *_of_capacities(state), *_of_decisions(state), *_of_names(state)]
    found += _of_consumers(state)
    found += _of_what_is_over(state)
    for graph in state.graphs.values():
        found += _of_graph(graph)
        for task in graph.tasks.values():
            found += _of_links(task)
            found += _of_place(state, task)
            found += _of_attempts(task)
            found += _of_judges(task)
    return found


def _tasks(state: State) -> Iterator[Task]:
    return (task for graph in state.graphs.values() for task in graph.tasks.values())


def _of_workers(state: State) -> Iterator[str]:
    flying: dict[str, list[str]] = {}
    for task in _tasks(state):
        if task.state == "running":
            flying.setdefault(task.worker, []).append(task.ref)
    for name in {*flying, *state.in_flight, *state.workers}:
        run, kept = sorted(flying.get(name, [])), sorted(state.in_flight.get(name, {}))
        if not (run == kept and len(run) == state.worker(name).running):
            yield f"{name}: {run} run, {kept} are in flight, {state.worker(name).running} slots are taken"
    for record in state.workers.values():
        if record.parked and (record.ready or record.woken):
            yield f"{record.name} is parked, and a host of it runs or was asked for"


def _of_capacities(state: State) -> Iterator[str]:
    claimed: dict[str, float] = {}
    for task in _tasks(state):
        for name, amount in task.claims.items() if task.state == "running" else ():
            claimed[name] = claimed.get(name, 0.0) + amount
    used = state.scheduler.used()
    for name in {*claimed, *used}:
        if abs(claimed.get(name, 0.0) - used.get(name, 0.0)) > 1e-6:
            yield f"{name}: {used.get(name)} is noted as used, running tasks claim {claimed.get(name)}"
    for graph in state.graphs.values():
        for name, amount in left_of_graph(graph).items():
            if state.scheduler.capacity(name) != amount:
                yield f"{name}: {amount} is left, noted is {state.scheduler.capacity(name)}"
    retrying = sorted(task.ref for task in _tasks(state) if task.retry_at_utc is not None)
    if retrying != sorted(state.retrying):
        yield f"{retrying} wait for a retry, noted are {sorted(state.retrying)}"


def _of_decisions(state: State) -> Iterator[str]:
    for decision in state.open_decisions():
        subject = decision.subject
        if decision.choice is not None or subject.state not in ("running", "blocked", "parked"):
            yield f"{decision.ref} is open, but {subject.ref} is {subject.state}"
    for task in _tasks(state):
        if task.decision is not None and state.decisions.get(task.decision.ref) is not task.decision:
            yield f"{task.ref} asks {task.decision.ref}, which nobody knows"
    for record in state.workers.values():
        if record.decision is not None and state.decisions.get(record.decision.ref) is not record.decision:
            yield f"{record.name} asks {record.decision.ref}, which nobody knows"
    refs = [ref for graph in state.graphs.values() for ref in graph.decisions]
    refs += [ref for record in state.workers.values() for ref in record.decisions]
    if sorted(refs) != sorted(state.decisions):
        yield f"graphs and worker types know of the decisions {refs}, noted are {list(state.decisions)}"


def _of_names(state: State) -> Iterator[str]:
    names: dict[str, list[str]] = {}
    for graph in state.graphs.values():
        names.setdefault(graph.spec.name, []).append(graph.id)
    if names != state.names:
        yield f"names are {names}, noted are {state.names}"
    for graph in state.graphs.values():
        inside = [each.id for each in state.graphs.values() if each.parent.partition("/")[0] == graph.id]
        if inside != graph.children:
            yield f"{graph.id} has submitted {inside}, noted are {graph.children}"
    for key, graph_id in state.keys.items():
        if graph_id not in state.graphs:
            yield f"key {key!r} stands for {graph_id}, which is not there"


def _of_what_is_over(state: State) -> Iterator[str]:
    over = {graph.id: len(graph.tasks) for graph in state.graphs.values() if graph.ended_utc is not None}
    if over != state.over or sum(over.values()) != state.over_tasks:
        yield f"{over} are over, noted are {state.over} with {state.over_tasks} tasks"


def _of_consumers(state: State) -> Iterator[str]:
    for name, consumer in state.consumers.items():
        if consumer.name != name or consumer.cursor < 0:
            yield f"consumer {name} calls itself {consumer.name} and stands at {consumer.cursor}"


def _of_graph(graph: Graph) -> Iterator[str]:
    tasks = graph.tasks.values()
    counts: dict[TaskState, int] = {}
    for task in tasks:
        if task.judged is None:
            counts[task.state] = counts.get(task.state, 0) + 1
    if counts != graph.counts:
        yield f"{graph.id}: counts {graph.counts}, counted {counts}"
    open_tasks = sum(1 for task in tasks if task.state not in TERMINAL)
    if open_tasks != graph.open_tasks:
        yield f"{graph.id}: open_tasks {graph.open_tasks}, counted {open_tasks}"
    if bool(graph.parent) != bool(graph.depth):
        yield f"{graph.id} comes from {graph.parent or 'outside'}, at depth {graph.depth}"
    if (spent := recounted(graph)) != graph.spent:
        yield f"{graph.id}: spent {graph.spent}, counted {spent}"
    if not (graph.ended_utc is not None) == (open_tasks == 0) == (graph.state in GRAPH_TERMINAL):
        yield f"{graph.id} is {graph.state}, ended {graph.ended_utc}, with {open_tasks} open tasks"
    for task in tasks:
        if graph.cancelling and not task.terminal and (task.state != "running" or task.attempts[-1].stopping is None):
            yield f"{task.ref} is {task.state} and nobody ends it, though its graph is being cancelled"


def _of_links(task: Task) -> Iterator[str]:
    tasks = task.graph.tasks
    unmet = len(unmet_dependencies(task))
    if unmet != task.unmet:
        yield f"{task.ref}: unmet {task.unmet}, counted {unmet}"
    for dependency in task.spec.depends_on:
        if tasks[dependency.task].dependents.count((task, dependency.on)) != 1:
            yield f"{task.ref} depends on {dependency.task}, which does not know it"
    for other, condition in task.dependents:
        if not any((d.task, d.on) == (task.id, condition) for d in other.spec.depends_on):
            yield f"{task.ref} is waited for by {other.ref}, which does not know it"
    if (task.broken_by is not None) != _impossible(task, tasks):
        yield f"{task.ref}: broken by {task.broken_by.ref if task.broken_by else 'nothing'}, which is not so"


def _impossible(task: Task, tasks: Mapping[str, Task]) -> bool:
    return any(
        tasks[dependency.task].terminal and not satisfied(dependency.on, tasks[dependency.task])
        for dependency in task.spec.depends_on
    )


def _of_place(state: State, task: Task) -> Iterator[str]:
    queued = state.scheduler.entry(task.ref) is not None
    if queued != (task.state == "ready"):
        yield f"{task.ref} is {task.state}, in the queue: {queued}"
    if queued and not _queued_as_it_says(state, task):
        yield f"{task.ref} waits as something else than its options say"
    if goes_on_alone(task):
        return
    if task.state in ("ready", "running", "blocked") and (task.unmet or task.begun_utc is None):
        yield f"{task.ref} is {task.state}, with {task.unmet} unmet dependencies, begun {task.begun_utc}"
    if task.state == "blocked" and task.decision is None:
        yield f"{task.ref} is blocked by nothing"
    if task.state == "pending" and not task.unmet and task.retry_at_utc is None:
        yield f"{task.ref} is pending and waits for nothing"
    if task.state == "pending" and task.broken_by is not None:
        yield f"{task.ref} is pending and can never run"
    if task.retry_at_utc is not None and (task.state != "pending" or task.unmet):
        yield f"{task.ref} waits for a retry, and is {task.state} with {task.unmet} unmet dependencies"


def goes_on_alone(task: Task) -> bool:
    """It had begun, and then what it depends on was put into quarantine."""
    tasks = task.graph.tasks
    return bool(task.tries) and any(tasks[other.task].cls == "quarantine" for other in task.spec.depends_on)


def _queued_as_it_says(state: State, task: Task) -> bool:
    entry = state.scheduler.entry(task.ref)
    expected = {graph_key(task.graph.id): 1.0, **{lock_key(name): 1.0 for name in task.spec.exclusive}}
    expected |= {resource_key(name): amount for name, amount in task.spec.resources.items()}
    expected |= reserved(task)
    return entry is not None and (entry.worker, entry.rank, dict(entry.claims), task.claims) == (
        task.spec.worker,
        (-task.spec.priority, task.rank),
        expected,
        expected,
    )


def _of_judges(task: Task) -> Iterator[str]:
    judge = task.judge
    if judge is not None and (judge.terminal or judge.judged is not task or task.judges[-1] != judge.id):
        yield f"{task.ref} waits for {judge.ref}, which is {judge.state}"
    if (task.state == "judging") != (judge is not None and judge.about is None):
        yield f"{task.ref} is {task.state}, judged by {judge.ref if judge else 'nobody'}"
    if judge is not None and judge.about is not None and not judge.about.open:
        yield f"{judge.ref} answers {judge.about.ref}, which is not open"
    if task.judged is None and task.spec.id.count("#"):
        yield f"{task.ref} is a judge of nobody"


def _of_attempts(task: Task) -> Iterator[str]:
    running = [attempt.number for attempt in task.attempts if attempt.ended_utc is None]
    if running != ([len(task.attempts)] if task.state == "running" else []):
        yield f"{task.ref} is {task.state}, and of its attempts {running} run"
    if [attempt.number for attempt in task.attempts] != list(range(1, len(task.attempts) + 1)):
        yield f"{task.ref}: its attempts are numbered {[attempt.number for attempt in task.attempts]}"
    if not 0 <= task.tries_before <= len(task.attempts):
        yield f"{task.ref}: {task.tries_before} attempts of earlier lives, of {len(task.attempts)}"
