"""The table of answered commands: a command that comes again gets its first reply, byte for byte.

Pure. Filled from the journal; bounded by count and age: what fell out is known to be old by its time-ordered id
and is refused as expired, never executed again. So an id that tells no time cannot be taken.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from orch_actors.protocol.errors import Refused

#: Replies that are kept at the most, and for how long.
MAX_ANSWERS = 100_000
MAX_AGE_S = 7 * 86_400.0

#: How far an id's time may lie ahead of ours (its maker's clock was put back since) and still count.
MAX_AHEAD_S = 600.0

_TIME_ORDERED = re.compile(r"[0-9a-f]{12}7[0-9a-f]{19}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one command."""

    #: Digest of the command's body.
    digest: str
    #: The Reply as JSON.
    reply: bytes
    at_utc: float


class Answers:
    """(client, command id) → Answer."""

    def __init__(self, max_answers: int = MAX_ANSWERS, max_age_s: float = MAX_AGE_S) -> None:
        #: Oldest first.
        self._table: OrderedDict[tuple[str, str], Answer] = OrderedDict()
        #: Those that fell out of the table, and whose ids claim a time that is still to come: they could not be told
        #: from new ones. Forgotten once that time has come, or there are too many. Oldest first.
        self._ahead: OrderedDict[tuple[str, str], Answer] = OrderedDict()
        self._max_answers, self._max_age_s = max_answers, max_age_s
        #: Everything up to this instant may have been forgotten.
        self._forgotten_utc = 0.0

    def __len__(self) -> int:
        return len(self._table) + len(self._ahead)

    def find(self, client: str, command: str, digest: str) -> bytes | None:
        """The reply that this command had; None for a new one.

        Raises:
            Refused: ID_CONFLICT, the id stands for another command; ID_EXPIRED, it is too old to be known;
                INVALID_REQUEST, it tells no time, so that could never be known.
        """
        answer = self._table.get((client, command)) or self._ahead.get((client, command))
        if answer is None:
            stamp = _stamp_of(command)
            if stamp is None:
                raise Refused.because(
                    "INVALID_REQUEST",
                    f"a command's id must be a time-ordered UUID (version 7), not {command!r}",
                    "make one anew for each command, and keep it for its repetitions",
                )
            if stamp <= self._forgotten_utc:
                raise Refused.because(
                    "ID_EXPIRED",
                    "the command's id is older than the answers that are kept; it is not executed",
                    "look at `status` for what became of it; a new command needs a new id",
                )
            return None
        if answer.digest != digest:
            raise Refused.because(
                "ID_CONFLICT", f"command id {command} was used for another command", "use a new id for each command"
            )
        return answer.reply

    def keep(self, client: str, command: str, digest: str, reply: bytes, at_utc: float) -> None:
        """Remember a reply; what is over the bounds goes."""
        self._table[client, command] = Answer(digest, reply, at_utc)
        while self._table:
            oldest = next(iter(self._table.values()))
            if len(self._table) <= self._max_answers and at_utc - oldest.at_utc <= self._max_age_s:
                break
            key, _ = self._table.popitem(last=False)
            if (_stamp_of(key[1]) or 0.0) > oldest.at_utc + MAX_AHEAD_S:
                self._ahead[key] = oldest
                self._forgotten_utc = max(self._forgotten_utc, oldest.at_utc)
            else:
                self._forget(key[1], oldest.at_utc)
        while self._ahead:
            (_, first), answer = next(iter(self._ahead.items()))
            if (_stamp_of(first) or 0.0) > self._forgotten_utc and len(self._ahead) <= self._max_answers:
                break
            self._ahead.popitem(last=False)
            self._forget(first, answer.at_utc)

    def _forget(self, command: str, at_utc: float) -> None:
        stamp = min(_stamp_of(command) or 0.0, at_utc + MAX_AHEAD_S)
        self._forgotten_utc = max(self._forgotten_utc, at_utc, stamp)

    @property
    def forgotten_utc(self) -> float:
        """Everything up to this instant may have been forgotten."""
        return self._forgotten_utc

    def kept(self) -> Iterator[tuple[str, str, Answer]]:
        """Client, command id and answer of all that are kept, oldest first."""
        for table in (self._ahead, self._table):
            for (client, command), answer in table.items():
                yield client, command, answer

    def restore(self, forgotten_utc: float) -> None:
        """Go on from a snapshot, of which every answer is kept anew: so much was forgotten by then."""
        self._forgotten_utc = max(self._forgotten_utc, forgotten_utc)


def _stamp_of(command: str) -> float | None:
    """Seconds since the epoch at which a version 7 UUID was made; None for any other id."""
    digits = command.replace("-", "")
    return int(digits[:12], 16) / 1000 if _TIME_ORDERED.fullmatch(digits) else None
