"""The self-check: what must never be. Every derived field is worked out anew and compared; linear, for tests."""

from orch_actors.actors.core.nodes import Graph, Task
from orch_actors.actors.core.state import State, satisfied, unmet_dependencies
from orch_actors.actors.core.table import TERMINAL
from orch_actors.protocol.views import TaskState


def broken_invariants(state: State) -> list[str]:
    """All that does not hold, a sentence each; empty for a sound state."""
    found: list[str] = []
    flying = 0
    for graph in state.graphs.values():
        found += _of_graph(graph)
        for task in graph.tasks.values():
            found += _of_task(state, task)
            flying += bool(task.attempts) and task.attempts[-1].ended_utc is None
    kept = sum(len(tasks) for tasks in state.in_flight.values())
    slots = sum(worker.running for worker in state.workers.values())
    if not flying == kept == slots:
        found.append(f"{flying} attempts run, {kept} are in flight, {slots} slots are taken")
    for decision in state.open_decisions():
        if decision.choice is not None or decision.task.terminal:
            found.append(f"{decision.ref} is open, but {decision.task.ref} is {decision.task.state}")
    return found


def _of_graph(graph: Graph) -> list[str]:
    found = []
    open_tasks = sum(1 for task in graph.tasks.values() if task.state not in TERMINAL)
    if open_tasks != graph.open_tasks:
        found.append(f"{graph.id}: open_tasks {graph.open_tasks}, counted {open_tasks}")
    if (graph.ended_utc is not None) != (open_tasks == 0):
        found.append(f"{graph.id}: ended {graph.ended_utc}, with {open_tasks} open tasks")
    if (graph.ended_utc is not None) != (graph.state in ("done", "failed", "cancelled")):
        found.append(f"{graph.id} is {graph.state}, ended {graph.ended_utc}")
    counts: dict[TaskState, int] = {}
    for task in graph.tasks.values():
        counts[task.state] = counts.get(task.state, 0) + 1
    if counts != graph.counts:
        found.append(f"{graph.id}: counts {graph.counts}, counted {counts}")
    return found


def _of_task(state: State, task: Task) -> list[str]:
    found: list[str] = []
    unmet = len(unmet_dependencies(task))
    if unmet != task.unmet:
        found.append(f"{task.ref}: unmet {task.unmet}, counted {unmet}")
    found += [
        f"{task.ref} depends on {dependency.task}, which does not know it"
        for dependency in task.spec.depends_on
        if (task, dependency.on) not in task.graph.tasks[dependency.task].dependents
    ]
    if (state.scheduler.entry(task.ref) is not None) != (task.state == "ready"):
        found.append(f"{task.ref} is {task.state}, in the queue: {state.scheduler.entry(task.ref) is not None}")
    running = bool(task.attempts) and task.attempts[-1].ended_utc is None
    if running != (task.state == "running"):
        found.append(f"{task.ref} is {task.state}, its last attempt runs: {running}")
    if task.state == "blocked" and task.decision is None:
        found.append(f"{task.ref} is blocked by nothing")
    if task.state == "pending" and not task.unmet and task.retry_at_utc is None:
        found.append(f"{task.ref} is pending and waits for nothing")
    if task.state == "pending" and task.unmet and _impossible(task):
        found.append(f"{task.ref} is pending and can never run")
    return found


def _impossible(task: Task) -> bool:
    tasks = task.graph.tasks
    return any(
        tasks[dependency.task].terminal and not satisfied(dependency.on, tasks[dependency.task])
        for dependency in task.spec.depends_on
    )
