"""The supervisor's lines in the journal: commands and outcomes. Pure. `replaying.py` reads them back.

    command: {"client":…,"id":…,"digest":…,"at":…,"do":{…}}
    outcome: {"of":<sequence of the command, or null>,"at":…,"e":<number of the first event>,"facts":[…],"reply":{…}}

A restart replays only commands that have no outcome. Events are numbered here and nowhere else (`numbered`).
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from orch_actors.actors.answers import Answers
from orch_actors.actors.core.facts import NOTHING, Fact, SilentFact, ToldFact
from orch_actors.actors.journal.snapshots import Entry
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.messages import Command

#: Events that are kept in memory for readers that are a little behind.
RECENT_EVENTS = 10_000


class CommandLine(Struct, frozen=True, kw_only=True):
    """A client's command, before anything is decided about it."""

    client: str
    id: str
    digest: str
    at: float
    do: Command


class OutcomeLine(Struct, frozen=True, kw_only=True):
    """What was decided, on a command or on something that the world did."""

    of: int | None
    at: float
    #: Number of the event that tells of the first fact that is told; the others follow on (`numbered`).
    e: int
    facts: tuple[Fact, ...]
    #: The Reply as JSON, where it answers a command.
    reply: Raw = NOTHING


_encoder = msgspec.json.Encoder()
_command_decoder = msgspec.json.Decoder(CommandLine)
_outcome_decoder = msgspec.json.Decoder(OutcomeLine)


def encode(line: CommandLine | OutcomeLine) -> bytes:
    """A line's `d`."""
    return _encoder.encode(line)


def decode_command(data: bytes | Raw) -> CommandLine:
    """A command line's `d`."""
    return _command_decoder.decode(data)


def decode_outcome(data: bytes | Raw) -> OutcomeLine:
    """An outcome line's `d`."""
    return _outcome_decoder.decode(data)


def digest_of(do: Command) -> str:
    """What tells one command's body from another's.

    Raises:
        Refused: INVALID_REQUEST, it holds what JSON, and so the journal, cannot (msgpack can carry more).
    """
    try:
        return blake2b(_encoder.encode(do), digest_size=16).hexdigest()
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused.because(
            "INVALID_REQUEST", f"the request cannot be written as JSON: {error}", "send only what JSON can hold"
        ) from error


class Told(NamedTuple):
    """A fact and the number of the event that tells of it; made into an Event only where somebody listens."""

    seq: int
    fact: ToldFact
    at_utc: float


def numbered(outcome: OutcomeLine) -> Iterator[Told]:
    """The events that tell of an outcome's facts, numbered from `e` on; silent facts have none."""
    seq = outcome.e
    for fact in outcome.facts:
        if not isinstance(fact, SilentFact):
            yield Told(seq, fact, outcome.at)
            seq += 1


@dataclass
class Replayed:
    """What a journal came to."""

    answers: Answers
    #: Number of the newest event.
    head: int = 0
    #: Number of the oldest event that can still be read.
    oldest: int = 1
    #: The snapshot that it began with.
    snapshot: Entry | None = None
    recent: deque["Told"] = field(default_factory=lambda: deque(maxlen=RECENT_EVENTS))
    #: Commands without an outcome, by sequence: to be handled now.
    unprocessed: dict[int, CommandLine] = field(default_factory=dict)
