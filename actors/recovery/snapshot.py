"""What a snapshot holds: the machine's state, the table of answered commands, commands without an outcome. Pure.

    machine, graph, tasks: a picture of the state (core/image.py)
    answers: {"forgotten_utc":…,"answers":[[client,id,digest,at,reply],…]}      so many at a time
    command: {"sequence":…,"line":{…}}                                         a command that is yet to be decided

Not in it are events: those are in the segments, which are kept for their readers as long as the settings say.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

import msgspec
from msgspec import Raw, Struct

from orch_actors.actors.answers import Answers
from orch_actors.actors.core.image import Piece
from orch_actors.actors.core.picture import pictured
from orch_actors.actors.core.restoring import Restoring
from orch_actors.actors.core.state import State
from orch_actors.actors.recovery.history import CommandLine

#: Answers of one piece.
ROWS: Final = 1000


class AnswerRow(Struct, frozen=True, array_like=True):
    """One answered command."""

    client: str
    id: str
    digest: str
    at: float
    reply: Raw


class AnswersPiece(Struct, frozen=True, kw_only=True):
    """Some of the table, oldest first."""

    forgotten_utc: float
    answers: tuple[AnswerRow, ...]


class CommandPiece(Struct, frozen=True, kw_only=True):
    """A command that has no outcome yet, and the sequence of its line."""

    sequence: int
    line: CommandLine


_encode: Final = msgspec.json.Encoder().encode
_decode_piece: Final = msgspec.json.Decoder(Piece).decode
_decode_answers: Final = msgspec.json.Decoder(AnswersPiece).decode
_decode_command: Final = msgspec.json.Decoder(CommandPiece).decode


def pieces_of(state: State, answers: Answers, unprocessed: Mapping[int, CommandLine]) -> Iterator[tuple[str, bytes]]:
    """(kind, JSON) of all that a start needs, piece by piece; nothing of it may change meanwhile."""
    for piece in pictured(state):
        yield str(piece.__struct_config__.tag), _encode(piece)
    kept = answers.kept()
    while rows := tuple(islice(kept, ROWS)):
        listed = tuple(AnswerRow(client, id_, one.digest, one.at_utc, Raw(one.reply)) for client, id_, one in rows)
        yield "answers", _encode(AnswersPiece(forgotten_utc=answers.forgotten_utc, answers=listed))
    if answers.forgotten_utc and not len(answers):
        yield "answers", _encode(AnswersPiece(forgotten_utc=answers.forgotten_utc, answers=()))
    for sequence, line in unprocessed.items():
        yield "command", _encode(CommandPiece(sequence=sequence, line=line))


class Restorer:
    """Takes those pieces, in their order, into what is still empty; `finish` when there are no more."""

    def __init__(self, state: State, answers: Answers) -> None:
        self._restoring: Final = Restoring(state)
        self._answers: Final = answers
        #: Commands without an outcome, by sequence.
        self.unprocessed: Final[dict[int, CommandLine]] = {}

    def take(self, kind: str, data: Raw) -> None:
        """One piece.

        Raises:
            ValueError, LookupError, msgspec.DecodeError: it is none, or not after those before.
        """
        match kind:
            case "answers":
                piece = _decode_answers(data)
                for row in piece.answers:
                    self._answers.keep(row.client, row.id, row.digest, bytes(row.reply), row.at)
                self._answers.restore(piece.forgotten_utc)
            case "command":
                command = _decode_command(data)
                self.unprocessed[command.sequence] = command.line
            case _:
                self._restoring.take(_decode_piece(data))

    def finish(self) -> None:
        """All were taken.

        Raises:
            ValueError, LookupError: some are missing.
        """
        self._restoring.finish()
