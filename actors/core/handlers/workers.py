"""Worker hosts come and go; a daemon begins a new life."""

from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.state import WorkerType
from orch_actors.actors.core.turn import Turn


def on_recovered(turn: Turn) -> None:
    """After replay: arm what was armed, and call for the hosts whose attempts are in flight."""
    for task in list(turn.state.retrying.values()):
        if task.retry_at_utc is None:
            continue
        # A clock that was set back must not make a retry wait longer than it was meant to.
        left = min(max(0.0, task.retry_at_utc - turn.now_utc), task.retry_delay_s)
        key = s.TimerKey("retry", task.graph.id, task.id, len(task.attempts) + 1)
        turn.ask(s.ArmTimer(key, left))
    for worker, tasks in turn.state.in_flight.items():
        if tasks and not turn.state.worker(worker).woken:
            turn.state.worker(worker).woken = True
            turn.ask(s.WakeWorker(worker))


def on_worker_types_configured(turn: Turn, news: s.WorkerTypesConfigured) -> None:
    """Limits are set or changed; what runs beyond a lowered limit runs on."""
    for worker, limit in news.limits.items():
        record = turn.state.workers.setdefault(worker, WorkerType(limit=limit))
        record.limit = limit
        turn.state.scheduler.dirty.add(worker)


def on_worker_ready(turn: Turn, news: s.WorkerReady) -> None:
    """A fresh host: hand it what is in flight, then it takes new work."""
    record = turn.state.worker(news.worker)
    record.ready = record.woken = True
    for task in turn.state.in_flight.get(news.worker, {}).values():
        attempt = task.attempts[-1]
        stopping = attempt.stopping is not None
        turn.ask(s.AdoptAttempt(news.worker, task.graph.id, task.id, attempt.number, stopping))
    turn.state.scheduler.dirty.add(news.worker)


def on_worker_lost(turn: Turn, news: s.WorkerLost) -> None:
    """Nothing starts until the next host is ready; attempts in flight are its to find. It is asked for at once."""
    record = turn.state.worker(news.worker)
    record.ready = record.woken = False
    if turn.state.in_flight.get(news.worker):
        record.woken = True
        turn.ask(s.WakeWorker(news.worker))
    turn.state.scheduler.dirty.add(news.worker)
