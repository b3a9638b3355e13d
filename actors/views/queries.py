"""Answers to what clients ask without changing anything. One function for each query; the place for the next."""

import os
from collections import deque
from collections.abc import Callable
from itertools import islice

import msgspec

from orch_actors.actors.attempts.launching import attempt_stem
from orch_actors.actors.context import layers
from orch_actors.actors.context.parts import BUDGETS, MAX_BUDGET
from orch_actors.actors.core.budgets import spent_by
from orch_actors.actors.core.lookup import find_consumer, find_graph, find_task
from orch_actors.actors.core.nodes import Attempt, Task
from orch_actors.actors.core.state import State
from orch_actors.actors.inside import Origin, ReadContext, ReadLogFile, ReadOldEvents, ReadResultFile, ReadStory
from orch_actors.actors.recovery.history import Told
from orch_actors.actors.views import projection
from orch_actors.actors.views.telling import Wanted, event_of
from orch_actors.actors.views.why import why
from orch_actors.actors.worktrees import NO_WORKTREE, worktree_of
from orch_actors.protocol import messages
from orch_actors.protocol.errors import ErrorInfo, Refused
from orch_actors.protocol.views import Event

MAX_EVENTS = 10_000

#: Stream → how its file's name ends (host/record.py).
_SUFFIXES = {"stdout": ".out", "stderr": ".err", "validation": ".check"}


def get_graph(state: State, query: messages.GetGraph, folder_of: Callable[[str], str]) -> messages.Graph:
    """One graph whole."""
    graph = find_graph(state, query.graph)
    return messages.Graph(graph=projection.graph_view(state, graph, folder_of(graph.id)))


def get_summaries(state: State, query: messages.GetSummaries, head: int) -> messages.Summaries:
    """The named graphs, a line each."""
    graphs = tuple(projection.summary(find_graph(state, ref)) for ref in query.graphs)
    return messages.Summaries(graphs=graphs, head=head)


def get_result(
    state: State, query: messages.GetResult, origin: Origin, folder_of: Callable[[str], str]
) -> messages.TaskResult | ReadResultFile:
    """What the latest attempt that left a result, or artifacts, left; a large result is the archivist's to read."""
    task = find_task(find_graph(state, query.graph), query.task)
    usage = spent_by(task).usage
    own = worktree_of(folder_of(task.graph.id), task.id) if task.spec.worktree else NO_WORKTREE
    for attempt in reversed(task.attempts):
        if attempt.result_in_file:
            path = os.path.join(folder_of(task.graph.id), attempt_stem(task.id, attempt.number) + ".result")
            return ReadResultFile(origin, path, task.graph.id, task.id, attempt.number, usage, attempt.artifacts, own)
        if attempt.result is not None or attempt.artifacts:
            return messages.TaskResult(
                graph=task.graph.id,
                task=task.id,
                attempt=attempt.number,
                value=None if attempt.result is None else msgspec.json.decode(attempt.result),
                usage=usage,
                artifacts=attempt.artifacts,
                worktree=own.path,
                branch=own.branch,
            )
    over = "it left none" if task.terminal else f"it is {task.state}"
    raise Refused.because(
        "NO_RESULT",
        f"{task.ref} has no result: {over}",
        "a task hands one back by writing JSON to the file that ORCH_RESULT names, a Python call by returning it",
    )


def read_log(state: State, query: messages.ReadLog, origin: Origin, folder_of: Callable[[str], str]) -> ReadLogFile:
    """Where the archivist finds a piece of a log."""
    suffix = _SUFFIXES.get(query.stream)
    if suffix is None:
        raise Refused.because("INVALID_REQUEST", f"there is no stream {query.stream!r}", ", ".join(_SUFFIXES))
    task = find_task(find_graph(state, query.graph), query.task)
    attempt = _find_attempt(task, query.attempt)
    path = os.path.join(folder_of(task.graph.id), attempt_stem(task.id, attempt.number) + suffix)
    return ReadLogFile(origin, path, attempt.number, query.offset, query.limit, attempt.ended_utc is not None)


def _find_attempt(task: Task, number: int) -> Attempt:
    if not task.attempts:
        raise Refused.because(
            "UNKNOWN_ATTEMPT",
            f"{task.ref} has not run: it is {task.state}",
            "`orch-actors status` says what it waits for",
        )
    if number == 0:
        return task.attempts[-1]
    if not 1 <= number <= len(task.attempts):
        raise Refused.because("UNKNOWN_ATTEMPT", f"{task.ref} has {len(task.attempts)} attempts, no {number}", "")
    return task.attempts[number - 1]


def get_decisions(state: State, query: messages.GetDecisions) -> messages.Decisions:
    """Open decisions, oldest first; also the answered ones, where they are asked for."""
    graph = find_graph(state, query.graph) if query.graph is not None else None
    found = state.decisions.values() if query.answered else state.open_decisions()
    return messages.Decisions(
        decisions=tuple(
            projection.decision_view(decision)
            for decision in found
            if graph is None or (isinstance(decision.subject, Task) and decision.subject.graph is graph)
        )
    )


def get_decision(state: State, query: messages.GetDecision) -> messages.Decisions:
    """One decision."""
    decision = state.decisions.get(query.ref)
    if decision is None:
        raise Refused.because(
            "UNKNOWN_DECISION", f"there is no decision {query.ref!r}", "`orch-actors decisions` lists the open ones"
        )
    return messages.Decisions(decisions=(projection.decision_view(decision),))


def get_why(state: State, query: messages.Why, origin: Origin, recent: deque[Told], head: int) -> ReadStory:
    """The reason; its story is the archivist's to add."""
    task = find_task(find_graph(state, query.graph), query.task)
    return ReadStory(origin, why(state, task), _durable(recent, head), task.graph.submitted_utc)


def get_context(
    state: State, query: messages.GetContext, origin: Origin, folder_of: Callable[[str], str]
) -> ReadContext:
    """The parts of a context; what is in files is the archivist's to read."""
    if query.layer not in BUDGETS:
        raise Refused.because("INVALID_REQUEST", f"there is no layer {query.layer}", "0, 1, 2 or 3")
    budget = BUDGETS[query.layer] if query.budget is None else query.budget
    if not 1 <= budget <= MAX_BUDGET:
        raise Refused.because(
            "INVALID_REQUEST", f"a budget of {budget} characters makes no sense", f"1 to {MAX_BUDGET}"
        )
    graph = find_graph(state, query.graph)
    folder = folder_of(graph.id)
    if query.task is None:
        parts = layers.of_graph(state, graph, query.layer, folder)
    else:
        parts = layers.of_task(state, find_task(graph, query.task), query.layer, folder)
    return ReadContext(origin, graph.id, query.task, query.layer, tuple(parts), budget)


def _durable(recent: deque[Told], head: int) -> int:
    """Number of the newest event that is on disk: the supervisor's head may count what is only decided yet.

    A life that began with a snapshot, and in which nothing was told so far, has none in memory.
    """
    return recent[-1].seq if recent else head


def read_events(
    state: State, query: messages.ReadEvents, recent: deque[Told], events: range, origin: Origin
) -> messages.Events | ReadOldEvents:
    """Events after a number, from memory where that reaches back far enough. `events`: those that can be read.

    Raises:
        Refused: EVENTS_GONE; UNKNOWN_CONSUMER.
    """
    limit, head = max(1, min(query.limit, MAX_EVENTS)), events.stop - 1
    since, wanted = _where_to_begin(state, query, events.start)
    if since >= head:
        return messages.Events(events=(), head=head, through=min(since, head))
    if since + 1 < events.start:
        raise Refused(events_gone(since, events.start, query.consumer))
    oldest = recent[0].seq if recent else head + 1
    if since + 1 < oldest:
        return ReadOldEvents(origin, since, limit, _durable(recent, head), wanted, query.consumer)
    found: list[Event] = []
    through = since
    for told in islice(recent, since + 1 - oldest, None):
        through = told.seq
        if wanted.takes(told.fact):
            found.append(event_of(told.fact, told.seq, told.at_utc))
            if len(found) == limit:
                break
    return messages.Events(events=tuple(found), head=head, through=through)


def events_gone(since: int, oldest: int, consumer: str | None) -> ErrorInfo:
    """What a reader is told that comes too late."""
    go_on = f"the oldest that there is is {oldest}: read on after {oldest - 1}"
    if consumer is not None:
        go_on = f"acknowledge event {oldest - 1} to go on after it, or forget {consumer} and begin anew"
    return ErrorInfo(
        code="EVENTS_GONE",
        message=f"the events from {since + 1} to {oldest - 1} are gone",
        hint=f"{go_on}; [retention] in config.toml says how many are kept",
        oldest=oldest,
    )


def _where_to_begin(state: State, query: messages.ReadEvents, oldest: int) -> tuple[int, Wanted]:
    """After which event, and which of those that follow.

    Raises:
        Refused: UNKNOWN_CONSUMER.
    """
    if query.consumer is None:
        return oldest - 1 if query.since is None else max(0, query.since), Wanted()
    consumer = find_consumer(state, query.consumer)
    since = consumer.cursor if query.since is None else max(0, query.since)
    return since, Wanted(frozenset(consumer.kinds), frozenset(consumer.graphs))


def get_consumers(state: State, head: int) -> messages.Consumers:
    """Those who read events under a name, oldest first."""
    found = tuple(projection.consumer_view(consumer, head) for consumer in state.consumers.values())
    return messages.Consumers(consumers=found, head=head)
