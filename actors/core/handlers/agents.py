"""What is peculiar to tasks of coding agents: their sessions, and quotas that are used up.

A quota is the worker type's, not the task's: the type waits until there is more, its tasks wait with it, and no attempt
is spent. The session of an agent is chosen before its program starts and stands in the journal, so that whoever comes
after a crash can go on with it.
"""

from typing import Final

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers.endings import put_back
from orch_actors.actors.core.nodes import Task
from orch_actors.actors.core.sessions import session_name
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.spec.work import AGENTS, AgentWork

#: How long a type waits whose agents do not say when there is more: the first time, and at the most.
FIRST_WAIT_S: Final = 60.0
LONGEST_WAIT_S: Final = 3600.0

#: Beyond the time that was told: clocks differ.
_MARGIN_S: Final = 2.0

#: A reset later than this from now is somebody's mistake.
_LONGEST_RESET_S: Final = 14 * 86400.0

#: Failures after which a session is no use: it holds too much, or never was.
_SPOILT: Final = frozenset({"context_overflow", "spawn", "auth"})


def session_of(turn: Turn, task: Task, number: int) -> tuple[str, bool]:
    """The session for attempt `number`, and whether it is to be gone on with; empty: the program chooses one."""
    kind = task.spec.kind or task.worker
    if kind not in AGENTS or not isinstance(task.spec.work, AgentWork):
        return "", False
    before = task.attempts[-1] if task.attempts else None
    if before is not None and before.session and before.cls not in _SPOILT:
        return before.session, True
    other = task.graph.tasks.get(task.spec.work.session) if task.spec.work.session else None
    if other is not None and before is None:
        session = next((attempt.session for attempt in reversed(other.attempts) if attempt.session), "")
        if session:
            return session, True
    return (session_name(turn.boot, turn.name, task.ref, number) if kind == "claude" else ""), False


def quota_used_up(turn: Turn, task: Task, message: str, reset_utc: float | None) -> None:
    """The type of this task starts nothing until there is more; the task waits with the others."""
    record = turn.state.worker(task.worker)
    times = record.quota_times + 1
    wait_s = min(FIRST_WAIT_S * 2.0 ** min(times - 1, 30), LONGEST_WAIT_S)
    until_utc = turn.now_utc + wait_s
    if reset_utc is not None and 0 < reset_utc - turn.now_utc < _LONGEST_RESET_S:
        until_utc = reset_utc + _MARGIN_S
    by_hand = record.paused and record.paused_until_utc is None
    if not by_hand and until_utc > (record.paused_until_utc or 0.0):
        reason = f"its quota is used up: {message}"
        turn.emit(f.WorkerPaused(worker=task.worker, reason=reason, until_utc=until_utc, times=times))
        turn.ask(s.ArmTimer(s.TimerKey("worker", ref=task.worker), until_utc - turn.now_utc))
    put_back(turn, task)
