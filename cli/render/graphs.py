"""Graphs and their tasks as text: one graph whole, a list of graphs, a graph in a line."""

from collections.abc import Sequence

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import Style, counts_text, paint, state_text
from orch_actors.cli.render.table import table
from orch_actors.cli.render.times import ago_text, elapsed_text
from orch_actors.cli.render.usage import cost_text, usage_text
from orch_actors.protocol.spec.durations import format_duration
from orch_actors.protocol.views import AttemptView, GraphSummary, GraphView, TaskView


def graphs_table(graphs: Sequence[GraphSummary], now_utc: float, style: Style) -> str:
    """A graph a row."""
    rows = [
        (
            one_line(graph.id),
            one_line(graph.name),
            state_text(graph.state, style),
            counts_text(graph.counts),
            elapsed_text(graph.submitted_utc, graph.ended_utc, now_utc),
            ago_text(graph.submitted_utc, now_utc),
        )
        for graph in graphs
    ]
    return table(("GRAPH", "NAME", "STATE", "TASKS", "TOOK", "SUBMITTED"), rows, style, right=(4,))


def graph_line(graph: GraphSummary, now_utc: float, style: Style) -> str:
    """`g7  nightly  ✓ done  12s  6 done`."""
    took = elapsed_text(graph.submitted_utc, graph.ended_utc, now_utc)
    parts = (one_line(graph.id), one_line(graph.name), state_text(graph.state, style), took, counts_text(graph.counts))
    return "  ".join(parts)


def graph_text(graph: GraphView, now_utc: float, style: Style) -> str:
    """A heading, the goal, the reason where there is one, and a row for each task."""
    head = "  ".join(
        (
            paint(one_line(graph.id), "bold", style),
            one_line(graph.name),
            state_text(graph.state, style),
            elapsed_text(graph.submitted_utc, graph.ended_utc, now_utc),
            counts_text(graph.counts),
        )
    )
    lines = [head]
    if graph.goal:
        lines.append(f"goal: {one_line(graph.goal)}")
    if graph.reason:
        lines.append(f"why: {one_line(graph.reason)}")
    if graph.parent:
        lines.append(f"from inside: {one_line(graph.parent)}")
    if graph.children:
        more = f" and {len(graph.children) - 10} more" if len(graph.children) > 10 else ""
        lines.append(f"submitted from inside: {', '.join(map(one_line, graph.children[:10]))}{more}")
    own = [f"worktree of {one_line(task.id)}: {one_line(task.worktree)}" for task in graph.tasks if task.worktree]
    lines += own if len(own) <= 10 else [*own[:9], f"and {len(own) - 9} more worktrees"]
    if graph.files:
        lines.append(f"files: {one_line(graph.files)}")
    spent = usage_text(graph.usage, graph.budget, graph.tries)
    if spent:
        lines.append(f"spent: {spent}")
    return "\n".join([*lines, "", tasks_table(graph.tasks, now_utc, style)])


def tasks_table(tasks: Sequence[TaskView], now_utc: float, style: Style) -> str:
    """A task a row: how often it was tried, how long the latest attempt took, how it exited, and why it is there."""
    rows = [
        (
            one_line(task.id),
            one_line(task.worker),
            state_text(task.state, style),
            str(len(task.attempts) or "-"),
            _took(task.attempts[-1], now_utc) if task.attempts else "-",
            _exit(task.attempts[-1]) if task.attempts else "-",
            one_line(task.reason or task.title),
        )
        for task in tasks
    ]
    headings = ("TASK", "WORKER", "STATE", "TRIES", "TOOK", "EXIT", "WHY")
    if all(task.usage is None for task in tasks):
        return table(headings, rows, style, right=(3, 4, 5))
    costs = [_cost(task) for task in tasks]
    with_costs = [(*row[:6], cost, row[6]) for row, cost in zip(rows, costs, strict=True)]
    return table((*headings[:6], "COST", headings[6]), with_costs, style, right=(3, 4, 5, 6))


def _cost(task: TaskView) -> str:
    return "-" if task.usage is None or task.usage.cost_usd is None else cost_text(task.usage.cost_usd)


def _took(attempt: AttemptView, now_utc: float) -> str:
    if attempt.duration_s is not None:
        return format_duration(attempt.duration_s)
    return elapsed_text(attempt.started_utc, attempt.ended_utc, now_utc)


def _exit(attempt: AttemptView) -> str:
    return "-" if attempt.exit_code is None else str(attempt.exit_code)
