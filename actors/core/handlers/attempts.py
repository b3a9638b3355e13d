"""The course of an attempt: granted a slot, started, found again, over; and what its end means for the task."""

import zlib
from typing import Final

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.budgets import BUDGET, time_of, used_up
from orch_actors.actors.core.handlers import agents, asking, judges
from orch_actors.actors.core.handlers.cancelling import fail_with_graph, stop_attempt
from orch_actors.actors.core.handlers.endings import end_task, put_back
from orch_actors.actors.core.nodes import NO_ROOM, Attempt, Task
from orch_actors.actors.core.table import REACTIONS
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.hostwire import Question
from orch_actors.protocol.spec.failures import FINAL_FAILURES
from orch_actors.protocol.spec.graph import Retry


def grant_slots(turn: Turn) -> None:
    """Start what may start now: the last thing in every turn, bounded by the free slots."""
    state, scheduler = turn.state, turn.state.scheduler
    if not scheduler.dirty or state.closing or state.full:
        return
    while True:
        _wake(turn)
        # The best of all types first: they share graphs' limits and resources.
        while (entry := scheduler.next(worker for worker in scheduler.dirty if state.worker(worker).takes)) is not None:
            graph, _, name = entry.ref.partition("/")
            task = state.task(graph, name)
            short = used_up(task)
            if short is not None:
                fail(turn, task, BUDGET, f"not started: {short.sentence}")
                break  # what follows from that may need a host that nobody has asked for yet
            _start(turn, task)
        else:
            break
    scheduler.dirty.clear()


def _wake(turn: Turn) -> None:
    """Have a host come up for each type that something waits for."""
    state, scheduler = turn.state, turn.state.scheduler
    for worker in sorted(scheduler.dirty):
        record = state.worker(worker)
        idle = not (record.ready or record.woken or record.paused or record.parked)
        if idle and scheduler.has_queued(worker):
            record.woken = True
            turn.ask(s.WakeWorker(worker))


def _start(turn: Turn, task: Task) -> None:
    number = len(task.attempts) + 1
    session, resume = agents.session_of(turn, task, number)
    turn.emit(
        f.AttemptStarting(
            graph=task.graph.id, task=task.id, attempt=number, boot=turn.boot, session=session, resume=resume
        )
    )
    turn.ask(s.StartAttempt(task.worker, task.graph.id, task.id, number))
    bound = time_of(task)
    if bound is not None:
        turn.ask(s.ArmTimer(s.TimerKey("timeout", task.graph.id, task.id, number), bound.most_s))


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
    if not turn.state.worker(task.worker).ready:
        return  # that host has gone meanwhile: the next one finds it anew
    if attempt.pid != news.pid:
        turn.emit(f.AttemptAdopted(graph=news.graph, task=news.task, attempt=news.attempt, pid=news.pid))
    bound = time_of(task)
    if bound is not None and attempt.stopping is None:
        left = max(0.0, bound.most_s - news.elapsed_s)
        turn.ask(s.ArmTimer(s.TimerKey("timeout", news.graph, news.task, news.attempt), left))


def on_attempt_over(turn: Turn, news: s.AttemptOver) -> None:
    """It is over: done, another attempt, or failed for good."""
    running = running_attempt(turn, news.graph, news.task, news.attempt)
    if running is None:
        return
    task, attempt = running
    if news.cls == NO_ROOM:
        turn.state.full = True  # the next one would fare no better
    cls, message = classify(attempt, news)
    if cls == "exit" and task.worker == "python":
        message += _last_word(news.tail)
    if time_of(task) is not None and attempt.stopping is None:
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
            tail=news.tail if cls is not None else "",
            checked=news.checked if cls is not None else "",
            usage=news.usage,
            session=news.session,
            artifacts=news.artifacts if cls is None else (),
        )
    )
    if cls is None and turn.state.worker(task.worker).quota_times:
        turn.emit(f.WorkerEased(worker=task.worker))
    if cls == "quota":
        agents.quota_used_up(turn, task, message, news.reset_utc)
    else:
        settle(turn, task, cls, message, news.question)


#: How an attempt may end whose question counts: it asks before it goes on, whatever it left unfinished.
_MAY_ASK = (None, "exit", "validation", "result")


def settle(turn: Turn, task: Task, cls: str | None, message: str, question: Question | None) -> None:
    """After an attempt: the task is done, asks, is tried again, or has failed."""
    if cls == "cancelled":
        end_task(turn, task, "cancelled", cls="cancelled", reason=message)
    elif cls == "deadline":
        fail(turn, task, cls, message)
    elif cls == "unknown":
        asking.withdraw(turn, task, "the attempt's end")
        _settle_unknown(turn, task, message)
    elif cls == NO_ROOM:  # it never began
        put_back(turn, task)
    elif task.decision is not None:  # it asked through a client, and left before it had the answer
        turn.emit(f.TaskBlocked(graph=task.graph.id, task=task.id, ref=task.decision.ref))
    elif question is not None and cls in _MAY_ASK:
        asking.ask_question(turn, task, question, blocks=True)
    elif cls is None and task.spec.judge is not None:
        judges.ask_judge(turn, task)
    elif cls is None:
        end_task(turn, task, "done")
    elif worth_another(task, cls) and (short := used_up(task)) is not None:
        fail(turn, task, BUDGET, f"no further attempt: {short.sentence}; the last one failed: {message}")
    elif worth_another(task, cls):
        retry(turn, task)
    else:
        tries = f", after {task.tries} attempts" if task.tries > 1 else ""
        fail(turn, task, cls, message + tries)


def fail(turn: Turn, task: Task, cls: str, reason: str) -> None:
    """No further attempt: what its `on_fail` says."""
    match task.spec.on_fail:
        case "fail":
            end_task(turn, task, "failed", cls=cls, reason=reason)
        case "continue":
            end_task(turn, task, "failed", cls=cls, reason=reason, forgiven=True)
        case "cancel_graph":
            fail_with_graph(turn, task, cls, reason)
        case "ask" if cls == "deadline":  # its time is over: nobody can give it another attempt
            end_task(turn, task, "failed", cls=cls, reason=reason)
        case "ask":
            asking.ask_about_failure(turn, task, "failure", cls, reason)


def _settle_unknown(turn: Turn, task: Task, message: str) -> None:
    """Nobody knows whether it did its work: it is never run again in silence."""
    match task.spec.on_unknown:
        case "rerun":
            turn.emit(f.TaskReady(graph=task.graph.id, task=task.id))
        case "fail":
            fail(turn, task, "unknown", message)
        case "ask":
            asking.ask_about_failure(turn, task, "unknown", "unknown", message)


def _last_word(tail: str) -> str:
    """The line that a traceback ends with: it says what the exit code does not."""
    lines = [line for line in tail.splitlines() if line.strip()]
    return f": {lines[-1].strip()[:200]}" if lines and not lines[-1].startswith(" ") else ""


def classify(attempt: Attempt, news: s.AttemptOver) -> tuple[str | None, str]:
    """Failure class and sentence of an ended attempt; class None is success."""
    if attempt.stopping is not None:
        return attempt.stopping
    if news.cls:
        return news.cls, news.message
    match news.ending:
        case "exit" if news.exit_code == 0:
            if news.result_fault:
                return "result", f"exited 0, but its result cannot be used: {news.result_fault}"
            if news.invalid:
                return "validation", f"exited 0, but is not valid: {news.invalid}"
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
    if task.tries >= retry.attempts:
        return False
    if retry.on and cls not in retry.on:
        return False
    if cls in FINAL_FAILURES:
        return False
    return not (cls == "exit" and retry.exit_codes and task.attempts[-1].exit_code not in retry.exit_codes)


def retry(turn: Turn, task: Task) -> None:
    """One more attempt, when its time has come."""
    number = len(task.attempts) + 1
    delay_s = backoff_s(task.spec.retry, task.tries, task.ref)
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
    longest = retry.max_backoff
    try:
        delay = min(longest, retry.backoff * retry.factor ** (failures - 1))
    except OverflowError:
        delay = longest if retry.backoff else 0.0
    if retry.jitter:
        spread = zlib.crc32(f"{ref}/{failures}".encode()) / 0xFFFFFFFF * 2 - 1
        delay *= 1 + retry.jitter * spread
        if delay > longest:  # as far below it as it would be above, so that waits spread there, too
            delay = 2 * longest - delay
    return round(max(0.0, delay), 3)


def on_attempt_exceeded(turn: Turn, news: s.AttemptExceeded) -> None:
    """Its host says that it broke a bound: too long silent, or too much output."""
    running = running_attempt(turn, news.graph, news.task, news.attempt)
    if running is not None:
        stop_attempt(turn, running[0], news.cls, news.message)


#: How often one attempt is heard: the journal keeps every word.
MOST_PROGRESS: Final = 2000


def on_attempt_progressed(turn: Turn, news: s.AttemptProgressed) -> None:
    """It says how far it is; the same again, or too often, means nothing."""
    running = running_attempt(turn, news.graph, news.task, news.attempt)
    if running is None:
        return
    attempt = running[1]
    if (attempt.progress, attempt.percent) != (news.text, news.percent) and attempt.progressed < MOST_PROGRESS:
        turn.emit(
            f.AttemptProgressed(
                graph=news.graph, task=news.task, attempt=news.attempt, text=news.text, percent=news.percent
            )
        )
