"""A worker type whose hosts die too often is parked: nothing of it starts, what runs runs on, and somebody is asked.

Who counts the deaths is outside (the workforce, by a clock that does not jump); what they mean is decided here. An
unattended machine helps itself: nobody answering means `resume`, after a wait that doubles with every parking in a row.
"""

from typing import Final

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers import asking
from orch_actors.actors.core.nodes import WorkerType
from orch_actors.actors.core.turn import Turn

#: How long nobody answering means waiting: the first time, and at the most.
FIRST_WAIT_S: Final = 60.0
LONGEST_WAIT_S: Final = 3600.0

#: Parkings are in a row while less than this lies between a release and the next one.
IN_A_ROW_S: Final = 3600.0


def park(turn: Turn, record: WorkerType, why: str) -> None:
    """Start no further host of this type, and ask what is to become of it."""
    in_a_row = record.parkings and turn.now_utc - record.unparked_utc < IN_A_ROW_S
    times = record.parkings + 1 if in_a_row else 1
    turn.emit(f.WorkerParked(worker=record.name, reason=why, times=times))
    running = len(turn.state.in_flight.get(record.name, {}))
    asking.ask_about_worker(turn, record, why, wait_s=wait_s(times), evidence={"running": running, "times": times})


def wait_s(times: int) -> float:
    """How long the `times`th parking in a row lasts, if nobody answers."""
    return min(FIRST_WAIT_S * 2.0 ** min(times - 1, 30), LONGEST_WAIT_S)


def release(turn: Turn, record: WorkerType, *, afresh: bool) -> None:
    """Try its hosts again; `afresh`: somebody said so, and what was before does not count."""
    turn.emit(f.WorkerUnparked(worker=record.name, afresh=afresh))
    turn.ask(s.ReleaseWorker(record.name))
    if turn.state.in_flight.get(record.name):
        record.woken = True
        turn.ask(s.WakeWorker(record.name))
    # Where something waits for a slot, the end of the turn sees to it.


def end_parking(turn: Turn, record: WorkerType, *, by: str) -> None:
    """Release it on somebody's word, without their answering the decision about it."""
    if record.decision is not None:
        asking.close(turn, record.decision, "resume", by=by)
    release(turn, record, afresh=True)
