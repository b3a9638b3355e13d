"""How an attempt ended, in the supervisor's words: made from its record and the files that it left."""

import msgspec

from orch_actors.actors.host.clock import boot_clock, wall_clock
from orch_actors.actors.host.leavings import BadResult, last_words, read_question, read_result, read_tail
from orch_actors.actors.host.mask import Mask
from orch_actors.actors.host.record import Paths, Seen
from orch_actors.protocol.hostwire import AttemptEnded, Ending, Question


def ended(
    attempt: str,
    ending: Ending,
    seen: Seen,
    paths: Paths,
    *,
    message: str = "",
    watched: bool,
    same_boot: bool = True,
    cls: str = "",
    mask: Mask,
) -> AttemptEnded:
    """The message about an end.

    Args:
        attempt: its id.
        ending: how, as the Task actor decided.
        seen: what the record says.
        paths: where it may have left something.
        message: why, for people.
        watched: it ended just now; otherwise while nobody looked, and the record's last write is its end.
        same_boot: the record's `mono` can be compared with now.
        cls: its failure class, where that is known.
        mask: blots out its secrets.
    """
    result, fault = None, ""
    try:
        result = read_result(paths.result)
    except BadResult as error:
        fault = mask.text(str(error))
    if result is not None and mask.holds(msgspec.msgpack.decode(result)):
        # Never in silence: a result with `***` in it would be another one than the task handed back.
        result, fault = None, "it holds the value of a secret, and results are written down: hand back something else"
    started_utc, ended_utc, duration_s = _times(seen, watched=watched, same_boot=same_boot)
    succeeded = ending == "exit" and seen.exit_code == 0 and not fault
    return AttemptEnded(
        attempt=attempt,
        ending=ending,
        exit_code=seen.exit_code,
        message=message,
        started_utc=started_utc,
        ended_utc=ended_utc,
        duration_s=duration_s,
        result=result,
        result_fault=fault,
        question=_question(paths, mask) if ending == "exit" else None,
        tail="" if succeeded or ending == "spawn" else _tail(paths, mask),
        cls=cls,
    )


def is_for_validation(told: AttemptEnded) -> bool:
    """Whether it succeeded as far as exit code and result go, and does not ask first."""
    return told.ending == "exit" and told.exit_code == 0 and not told.result_fault and told.question is None


def found_invalid(told: AttemptEnded, invalid: str, paths: Paths, mask: Mask) -> AttemptEnded:
    """The same end, of an attempt that its validation refuses."""
    checked = read_tail(paths.check, mask)
    return msgspec.structs.replace(told, invalid=mask.text(invalid), tail=_tail(paths, mask), checked=checked)


def _question(paths: Paths, mask: Mask) -> Question | None:
    asked = read_question(paths.question)
    return None if asked is None else mask.question(asked)


def _tail(paths: Paths, mask: Mask) -> str:
    if not mask.complete:
        return f"(left out: it was adopted, and its secrets are not known here; see {paths.err} and {paths.out})"
    return last_words(paths.err, paths.out, mask)


def _times(seen: Seen, *, watched: bool, same_boot: bool) -> tuple[float, float, float]:
    now_utc = wall_clock()
    ended_utc = now_utc if watched else seen.changed_utc or now_utc
    if seen.header is None:
        return ended_utc, ended_utc, 0.0
    ended_utc = max(ended_utc, seen.header.utc)  # files are stamped by a clock that lags by some milliseconds
    if not same_boot:
        return seen.header.utc, ended_utc, max(0.0, ended_utc - seen.header.utc)
    # However long ago it ended by the wall clock, it is the same by the monotonic one.
    return seen.header.utc, ended_utc, max(0.0, boot_clock() - (now_utc - ended_utc) - seen.header.mono)
