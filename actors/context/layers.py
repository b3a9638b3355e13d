"""What belongs into which layer. Pure: a state, a graph or a task, and the folder of its files → parts."""

import json
import os
from typing import Final

from orch_actors.actors.context.parts import BUDGETS, Part, one_line
from orch_actors.actors.context.reading import shown
from orch_actors.actors.core.budgets import spent_by
from orch_actors.actors.core.nodes import Attempt, Graph, Spent, Task
from orch_actors.actors.core.state import State
from orch_actors.actors.views.why import explain
from orch_actors.actors.worktrees import worktree_of
from orch_actors.protocol.spec.durations import format_duration

#: Tasks of a graph that L1 names, for each thing that matters.
_NAMED: Final = 8

#: States that matter, the most pressing first.
_MATTER: Final = ("blocked", "failed", "running", "judging", "cancelled", "ready")


def headline(state: State, node: Graph | Task) -> str:
    """L0: one line of at most 256 characters."""
    most = BUDGETS[0]
    if isinstance(node, Graph):
        counts = ", ".join(f"{count} {name}" for name, count in sorted(node.counts.items()))
        reason = f": {node.reason}" if node.reason else ""
        return one_line(f"{node.id} {node.spec.name} {node.state} ({counts}){reason}", most)
    sentence = explain(state, node)[0]
    cls = f" ({node.cls})" if node.state == "failed" and node.cls else ""
    return one_line(f"{node.ref} {node.state}{cls}" + (f": {sentence}" if sentence else ""), most)


def of_graph(state: State, graph: Graph, layer: int, folder: str) -> list[Part]:
    """The parts of a graph's context."""
    parts = [Part(headline(state, graph))]
    if layer == 0:
        return parts
    if graph.spec.goal:
        parts.append(Part(graph.spec.goal, "goal:", most=600))
    if graph.parent:
        parts.append(Part(graph.parent, "submitted from inside:"))
    if graph.children:
        parts.append(Part(" ".join(graph.children[-20:]), "has submitted:", most=400))
    spent = usage_line(graph.spent)
    if spent:
        parts.append(Part(spent, "spent:"))
    if layer == 1:
        return parts + _what_matters(state, graph)
    if layer == 2:
        for task in graph.tasks.values():
            parts += _details(state, task, folder)
        return parts
    for task in graph.tasks.values():
        if task.attempts:
            parts.append(Part(headline(state, task)))
            parts += _output(task, task.attempts[-1], folder, most=1_000)
    return parts


def _what_matters(state: State, graph: Graph) -> list[Part]:
    parts: list[Part] = []
    found: dict[str, list[Task]] = {}
    for task in graph.tasks.values():
        if task.state in _MATTER and task.judged is None:
            found.setdefault(task.state, []).append(task)
    for name in _MATTER:
        tasks = found.get(name, [])
        lines = [f"- {one_line(headline(state, task), 200)}" for task in tasks[:_NAMED]]
        if len(tasks) > _NAMED:
            lines.append(f"- [… and {len(tasks) - _NAMED} more {name} …]")
        if lines:
            parts.append(Part("\n".join(lines), f"{name}:", most=1_500))
    for decision in [state.decisions[ref] for ref in graph.decisions]:
        if decision.open:
            options = " | ".join(decision.options)
            parts.append(Part(one_line(f"{decision.ref}: {decision.question} ({options})", 400), "to decide:"))
    return [*parts, Part(_next_of_graph(graph), "next:")]


def _next_of_graph(graph: Graph) -> str:
    if graph.counts.get("blocked"):
        return f"orch-actors decisions {graph.id}"
    if graph.counts.get("failed"):
        return f"orch-actors why {graph.id}/TASK; orch-actors retry {graph.id}"
    return "" if graph.ended_utc is not None else f"orch-actors wait {graph.id}"


def of_task(state: State, task: Task, layer: int, folder: str) -> list[Part]:
    """The parts of a task's context."""
    if layer == 0:
        return [Part(headline(state, task))]
    if layer == 1:
        return _overview(state, task, folder)
    if layer == 2:
        return _details(state, task, folder)
    parts = [Part(headline(state, task))]
    for attempt in reversed(task.attempts):
        parts += _output(task, attempt, folder, most=4_000)
    return parts


def _overview(state: State, task: Task, folder: str) -> list[Part]:
    last = task.attempts[-1] if task.attempts else None
    parts = [Part(headline(state, task))]
    if task.spec.title:
        parts.append(Part(task.spec.title, "what:", most=200))
    if last is None:
        return [*parts, Part(explain(state, task)[2], "next:")]
    stem = _stem(folder, task, last)
    spent = usage_line(spent_by(task))
    took = "" if last.duration_s is None else f"{format_duration(round(last.duration_s, 1))}, "
    parts.append(Part(f"{took}{len(task.attempts)} attempts" + (f", {spent}" if spent else ""), "took:"))
    if last.verdict is not None:
        parts.append(Part(f"{last.verdict['outcome']} {last.verdict['why']}".strip(), "judged:", most=600))
    parts.append(Part(label="summary, in its own words:", path=shown(task, stem + ".summary"), most=1_500))
    parts += _result(last, stem, most=800)
    if task.spec.worktree:
        own = worktree_of(folder, task.id)
        parts.append(Part(f"{own.path} (branch {own.branch})", "git worktree:"))
    if last.artifacts:
        parts.append(
            Part("\n".join(f"{file.path} ({file.size} bytes)" for file in last.artifacts), "artifacts:", most=800)
        )
    if last.tail and task.state != "done":
        parts.append(Part(last.tail, "the end of its output:", tail=True, most=1_200))
    parts.append(Part(_files(last, stem), "more:"))
    if task.state != "done":
        parts.append(Part(explain(state, task)[2], "next:"))
    return parts


def _details(state: State, task: Task, folder: str) -> list[Part]:
    parts = [Part(headline(state, task))]
    for attempt in reversed(task.attempts[-3:]):
        stem = _stem(folder, task, attempt)
        outcome = attempt.cls or ("done" if attempt.ended_utc is not None else "running")
        parts.append(Part(f"{outcome} {attempt.message}".strip(), f"attempt {attempt.number}:", most=600))
        parts += _result(attempt, stem, most=6_000)
        if attempt.artifacts:
            lines = [f"{file.sha256}  {file.path} ({file.size} bytes)" for file in attempt.artifacts]
            parts.append(Part("\n".join(lines), "artifacts, by SHA-256:", most=6_000))
        parts.append(Part(label="summary, in its own words:", path=shown(task, stem + ".summary"), most=6_000))
        if attempt.verdict is not None:
            parts.append(Part(json.dumps(attempt.verdict, ensure_ascii=False, indent=1), "verdict:", most=4_000))
    for ref in task.graph.decisions:
        decision = state.decisions[ref]
        if decision.subject is task:
            said = "open" if decision.open else f"{decision.choice} by {decision.by} {decision.note}".strip()
            evidence = json.dumps(decision.evidence, ensure_ascii=False)
            parts.append(Part(f"{decision.question}\n{said}\n{evidence}", f"{ref}:", most=2_000))
    return parts


def _output(task: Task, attempt: Attempt, folder: str, *, most: int) -> list[Part]:
    stem = _stem(folder, task, attempt)
    name = f"{task.graph.id}/{task.id}/{attempt.number}"
    return [
        Part(label=f"{name} stderr, its end:", path=shown(task, stem + ".err"), tail=True, most=most),
        Part(label=f"{name} stdout, its end:", path=shown(task, stem + ".out"), tail=True, most=most),
        Part(f"orch-actors logs {task.ref} --attempt {attempt.number}", "all of it:"),
    ]


def _result(attempt: Attempt, stem: str, *, most: int) -> list[Part]:
    if attempt.result is not None:
        return [Part(attempt.result.decode(errors="replace"), "result:", most=most)]
    if attempt.result_in_file:
        return [Part(label="result:", path=stem + ".result", most=most)]
    return []


def _files(attempt: Attempt, stem: str) -> str:
    """Where the rest is."""
    found = [f"output {stem}.out"]
    if attempt.result is not None or attempt.result_in_file:
        found.append(f"result {stem}.result")
    return ", ".join(found)


def _stem(folder: str, task: Task, attempt: Attempt) -> str:
    return os.path.join(folder, f"{task.id}.{attempt.number}")


def usage_line(spent: Spent) -> str:
    """What agents used; empty where no agent was at it."""
    total = spent.usage
    if total is None:
        return ""
    parts = [f"${total.cost_usd:.4f}"] if total.cost_usd is not None else []
    if total.input_tokens is not None:
        parts.append(f"{total.input_tokens} tokens in, {total.output_tokens or 0} out")
    if total.turns is not None:
        parts.append(f"{total.turns} turns")
    return ", ".join(parts)


#: Most characters that a task is told of those before it, and how many of them: the supervisor puts it together.
MAX_BEFORE: Final = 12_000
_MOST_BEFORE: Final = 24


def before(state: State, task: Task, folder: str) -> list[Part]:
    """What a task starts with: the overview of each task that it depends on, under one cap."""
    parts: list[Part] = []
    names = [dependency.task for dependency in task.spec.depends_on]
    dependencies = [task.graph.tasks[name] for name in names[:_MOST_BEFORE]]
    share = max(400, min(BUDGETS[1], MAX_BEFORE // max(1, len(dependencies))))
    for other in dependencies:
        inner = _overview(state, other, folder)
        parts += [Part(part.text, part.label, part.path, part.tail, min(part.most, share)) for part in inner]
    if len(names) > _MOST_BEFORE:
        parts.append(Part(f"[… {len(names) - _MOST_BEFORE} more dependencies: orch-actors context {task.graph.id} …]"))
    return parts
