"""The course of an attempt: granted a slot, started, found again, over; and what its end means for the task."""

import zlib

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers.endings import end_task
from orch_actors.actors.core.nodes import Attempt, Task
from orch_actors.actors.core.table import REACTIONS
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.spec.durations import format_duration
from orch_actors.protocol.spec.graph import Retry


def grant_slots(turn: Turn) -> None:
    """Start what may start now: the last thing in every turn, bounded by the free slots."""
    state = turn.state
    while state.scheduler.dirty:
        worker = state.scheduler.dirty.pop()
        record = state.worker(worker)
        if not record.ready:
            if not record.woken and state.scheduler.has_queued(worker):
                record.woken = True
                turn.ask(s.WakeWorker(worker))
            continue
        while record.running < record.limit and (entry := state.scheduler.next(worker)) is not None:
            graph, _, task = entry.ref.partition("/")
            _start(turn, state.task(graph, task))


def _start(turn: Turn, task: Task) -> None:
    number = len(task.attempts) + 1
    turn.emit(f.AttemptStarting(graph=task.graph.id, task=task.id, attempt=number, boot=turn.boot))
    turn.ask(s.StartAttempt(task.worker, task.graph.id, task.id, number))
    if task.spec.timeout is not None:
        turn.ask(s.ArmTimer(s.TimerKey("timeout", task.graph.id, task.id, number), task.spec.timeout))


def running_attempt(turn: Turn, graph: str, task: str, number: int) -> tuple[Task, Attempt] | None:
    """The attempt that a message is about, if it is the one that runs; otherwise the message is late or doubled."""
    node = turn.state.find(graph, task)
    if node is None or REACTIONS[node.state, "attempt_ended"] != "act" or node.attempts[-1].number != number:
        return None
    return node, node.attempts[-1]


def on_attempt_found(turn: Turn, news: s.AttemptFound) -> None:
    """A host has adopted it: watch its time again, from when it began."""
    running = running_attempt(turn, news.graph, news.task, news.attempt)
    if running is None:
        return
    task, attempt = running
    if attempt.pid != news.pid:
        turn.emit(f.AttemptAdopted(graph=news.graph, task=news.task, attempt=news.attempt, pid=news.pid))
    if task.spec.timeout is not None and attempt.stopping is None:
        left = max(0.0, task.spec.timeout - news.elapsed_s)
        turn.ask(s.ArmTimer(s.TimerKey("timeout", news.graph, news.task, news.attempt), left))


def on_attempt_over(turn: Turn, news: s.AttemptOver) -> None:
    """It is over: done, another attempt, or failed for good."""
    running = running_attempt(turn, news.graph, news.task, news.attempt)
    if running is None:
        return
    task, attempt = running
    cls, message = classify(attempt, news)
    if task.spec.timeout is not None:
        turn.ask(s.DisarmTimer(s.TimerKey("timeout", news.graph, news.task, news.attempt)))
    turn.emit(
        f.AttemptEnded(
            graph=news.graph,
            task=news.task,
            attempt=news.attempt,
            exit_code=news.exit_code,
            cls=cls,
            message=message,
            started_utc=news.started_utc,
            ended_utc=news.ended_utc or turn.now_utc,
            duration_s=news.duration_s,
            result=news.result,
            result_in_file=news.result_in_file,
        )
    )
    settle(turn, task, cls, message)


def settle(turn: Turn, task: Task, cls: str | None, message: str) -> None:
    """After an attempt: the task is done, tried again, or failed."""
    if cls is None:
        end_task(turn, task, "done")
    elif cls == "cancelled":
        end_task(turn, task, "cancelled", cls=cls, reason=message)
    elif worth_another(task, cls):
        _retry(turn, task)
    else:
        tries = f", after {len(task.attempts)} attempts" if len(task.attempts) > 1 else ""
        end_task(turn, task, "failed", cls=cls, reason=message + tries)


def classify(attempt: Attempt, news: s.AttemptOver) -> tuple[str | None, str]:
    """Failure class and sentence of an ended attempt; class None is success."""
    if attempt.stopping is not None:
        return attempt.stopping
    match news.ending:
        case "exit" if news.exit_code == 0:
            if news.result_fault:
                return "result", f"exited 0, but its result cannot be used: {news.result_fault}"
            return None, ""
        case "exit":
            return "exit", exit_sentence(news.exit_code if news.exit_code is not None else -1)
        case "spawn":
            return "spawn", news.message or "could not be started"
        case "killed":
            return "exit", "was killed by somebody else"
        case "lost":
            return "unknown", news.message or "it began, and how it ended cannot be known"


_SIGNALS = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
            11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM"}  # fmt: skip


def exit_sentence(code: int) -> str:
    """`exit code 2`; with what it commonly means, where that helps."""
    meaning = {126: "not executable", 127: "command not found"}.get(code, "")
    if code > 128 and code - 128 in _SIGNALS:
        meaning = _SIGNALS[code - 128]
    return f"exit code {code}" + (f" ({meaning})" if meaning else "")


def worth_another(task: Task, cls: str) -> bool:
    """Whether the policy allows one more attempt after a failure of class `cls`."""
    retry = task.spec.retry
    if len(task.attempts) >= retry.attempts or task.graph.cancelling:
        return False
    # Nobody knows whether a lost attempt did its work: it is never run again in silence.
    return cls in retry.on if retry.on else cls != "unknown"


def _retry(turn: Turn, task: Task) -> None:
    number = len(task.attempts) + 1
    delay_s = backoff_s(task.spec.retry, len(task.attempts), task.ref)
    turn.emit(
        f.RetryScheduled(
            graph=task.graph.id, task=task.id, attempt=number, at_utc=turn.now_utc + delay_s, delay_s=delay_s
        )
    )
    if delay_s > 0:
        turn.ask(s.ArmTimer(s.TimerKey("retry", task.graph.id, task.id, number), delay_s))
    else:
        turn.emit(f.TaskReady(graph=task.graph.id, task=task.id))


def backoff_s(retry: Retry, failures: int, ref: str) -> float:
    """Seconds to wait after the given number of failures. Jitter is a function of the attempt, not of chance."""
    delay = min(retry.max_backoff, retry.backoff * min(retry.factor ** (failures - 1), 1e9))
    if retry.jitter:
        spread = zlib.crc32(f"{ref}/{failures}".encode()) / 0xFFFFFFFF * 2 - 1
        delay *= 1 + retry.jitter * spread
    return round(max(0.0, delay), 3)


def stop_attempt(turn: Turn, task: Task, cls: str, why: str) -> None:
    """Decide the kill of a running attempt; it will have ended with `cls`. The first decision stands."""
    attempt = task.attempts[-1]
    if attempt.stopping is not None:
        return
    turn.emit(f.AttemptStopping(graph=task.graph.id, task=task.id, attempt=attempt.number, cls=cls, why=why))
    turn.ask(s.StopAttempt(task.worker, task.graph.id, task.id, attempt.number))


def on_timer(turn: Turn, news: s.TimerFired) -> None:
    """A retry is due, or an attempt has had its time. Timers that came too late find nothing to do."""
    key = news.key
    task = turn.state.find(key.graph, key.task)
    if task is None:
        return
    match key.kind:
        case "retry":
            due = REACTIONS[task.state, "retry_due"] == "act" and task.retry_at_utc is not None
            if due and len(task.attempts) + 1 == key.attempt:
                turn.emit(f.TaskReady(graph=key.graph, task=key.task))
        case "timeout":
            due = REACTIONS[task.state, "timeout_due"] == "act" and task.attempts[-1].number == key.attempt
            if due and task.spec.timeout is not None:
                stop_attempt(turn, task, "timeout", f"ran longer than its {format_duration(task.spec.timeout)}")
