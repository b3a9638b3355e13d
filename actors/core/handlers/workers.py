"""Worker hosts come and go; a daemon begins a new life."""

from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.budgets import time_of
from orch_actors.actors.core.handlers import parking
from orch_actors.actors.core.handlers.endings import has_time_left
from orch_actors.actors.core.handlers.quarantining import settle_quarantine
from orch_actors.actors.core.handlers.reading import serves
from orch_actors.actors.core.nodes import Task
from orch_actors.actors.core.state import resource_key
from orch_actors.actors.core.table import WORKER_REACTIONS
from orch_actors.actors.core.turn import Turn


def on_recovered(turn: Turn, _news: s.Recovered) -> None:
    """After replay: say what made no sense, arm what was armed, call for the hosts whose attempts are in flight."""
    settle_quarantine(turn)
    for task in turn.state.retrying.values():
        key = s.TimerKey("retry", task.graph.id, task.id, len(task.attempts) + 1)
        _arm(turn, key, (task.retry_at_utc or turn.now_utc) - task.retry_delay_s, task.retry_delay_s)
    _arm_again(turn)
    for worker, tasks in turn.state.in_flight.items():
        record = turn.state.worker(worker)
        if tasks and not record.woken and not record.parked:
            record.woken = True
            turn.ask(s.WakeWorker(worker))
    if serves(turn.state):
        turn.ask(s.WakeCourier())


def _arm_again(turn: Turn) -> None:
    """Deadlines of what is not over, by the wall clock: nothing is hurried, nothing forgotten."""
    for decision in turn.state.open_decisions():
        if decision.deadline_s is not None:
            _arm(turn, s.TimerKey("decision", ref=decision.ref), decision.asked_utc, decision.deadline_s)
    for worker, record in turn.state.workers.items():
        if record.paused and record.paused_until_utc is not None:
            left = max(0.0, record.paused_until_utc - turn.now_utc)
            turn.ask(s.ArmTimer(s.TimerKey("worker", ref=worker), left))
    for graph in turn.state.graphs.values():
        if graph.ended_utc is not None:
            continue
        if graph.spec.limits.wall is not None and not graph.cancelling:
            _arm(turn, s.TimerKey("wall", graph.id), graph.wall_from_utc, graph.spec.limits.wall)
        for task in graph.tasks.values():
            if task.spec.deadline is not None and task.begun_utc is not None and has_time_left(task):
                _arm(turn, s.TimerKey("deadline", graph.id, task.id), task.begun_utc, task.spec.deadline)


def _arm(turn: Turn, key: s.TimerKey, since_utc: float, whole_s: float) -> None:
    """What is left of a stretch of time that began at `since_utc`; a clock set back does not lengthen it."""
    turn.ask(s.ArmTimer(key, min(max(0.0, since_utc + whole_s - turn.now_utc), whole_s)))


def on_shutting(turn: Turn, _news: s.Shutting) -> None:
    """The daemon goes down: nothing starts any more."""
    turn.state.closing = True


def on_disk_filled(turn: Turn, _news: s.DiskFilled) -> None:
    """What runs goes on, and its end is told; an attempt that began now would fail to make its record."""
    turn.state.full = True


def on_disk_freed(turn: Turn, _news: s.DiskFreed) -> None:
    """What became ready meanwhile may start."""
    turn.state.full = False


def on_worker_types_configured(turn: Turn, news: s.WorkerTypesConfigured) -> None:
    """Limits are set or changed; what runs beyond a lowered limit runs on."""
    for worker, limit in news.limits.items():
        turn.state.worker(worker).configured = limit
        turn.state.scheduler.dirty.add(worker)
    if news.nesting is not None:
        turn.state.nesting = news.nesting
    if news.kinds is not None:
        turn.state.kinds = dict(news.kinds)
    if news.resources is not None:
        for name in turn.state.resources.keys() - news.resources.keys():  # as if it had never been named
            turn.state.scheduler.set_capacity(resource_key(name), 0)
        turn.state.resources = dict(news.resources)
        for name, amount in news.resources.items():
            turn.state.scheduler.set_capacity(resource_key(name), amount)


def on_worker_ready(turn: Turn, news: s.WorkerReady) -> None:
    """A fresh host: hand it what is in flight, then it takes new work."""
    record = turn.state.worker(news.worker)
    if WORKER_REACTIONS[record.state, "host_ready"] != "act":
        return
    record.ready = record.woken = True
    for task in turn.state.in_flight.get(news.worker, {}).values():
        attempt = task.attempts[-1]
        stopping = attempt.stopping is not None
        turn.ask(s.AdoptAttempt(news.worker, task.graph.id, task.id, attempt.number, stopping))
        bound = time_of(task)
        if bound is not None and not stopping:
            # The host may have to begin it, and then tells nothing; what it finds running has the rest (AttemptFound).
            turn.ask(s.ArmTimer(_timeout_of(task), bound.most_s))
    turn.state.scheduler.dirty.add(news.worker)


def on_worker_lost(turn: Turn, news: s.WorkerLost) -> None:
    """Nothing starts until the next host is ready; attempts in flight are its to find. It is asked for at once.

    Where too many have died, none is: the type is parked, and somebody is asked.
    """
    record = turn.state.worker(news.worker)
    if WORKER_REACTIONS[record.state, "host_exhausted" if news.exhausted else "host_lost"] != "act":
        return
    record.ready = record.woken = False
    turn.state.scheduler.suspend(news.worker)
    for task in turn.state.in_flight.get(news.worker, {}).values():
        # Whether it was over in time, the next host will see.
        if time_of(task) is not None and task.attempts[-1].stopping is None:
            turn.ask(s.DisarmTimer(_timeout_of(task)))
    if news.exhausted:
        parking.park(turn, record, news.exhausted)
    elif turn.state.in_flight.get(news.worker):
        record.woken = True
        turn.ask(s.WakeWorker(news.worker))
    turn.state.scheduler.dirty.add(news.worker)


def _timeout_of(task: Task) -> s.TimerKey:
    return s.TimerKey("timeout", task.graph.id, task.id, task.attempts[-1].number)
