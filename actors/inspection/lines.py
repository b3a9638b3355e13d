"""`journal show`: the journal's lines, in order, with what they say; broken ones, too, which may be what is looked for.

Reads the segments as they are, beside a daemon that writes on: takes no lock, changes nothing. A last line that is not
whole is one that is being written. What is broken is told with its place, and reading goes on behind it.
"""

import os
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

from orch_actors.actors.core import facts as f
from orch_actors.actors.journal.opening import segment_names
from orch_actors.actors.journal.record import Damaged, Line, Unfamiliar, decode_line
from orch_actors.actors.recovery.history import CommandLine, OutcomeLine, decode_command, decode_outcome
from orch_actors.actors.views.telling import event_of
from orch_actors.protocol.views import utc_text


class Fact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fact of an outcome: as it is told, and as it is written."""

    kind: str
    #: `g1`, `g1/build`, `g1/build/2`, a worker type, a consumer.
    about: str
    #: For people.
    message: str = ""
    #: As it stands in the journal.
    written: f.Fact


class Shown(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. `type`: command, outcome, or broken."""

    file: str
    line: int
    type: str
    sequence: int = 0
    time_utc: str = ""
    #: Of a command.
    client: str = ""
    command: str = ""
    do: Any = None
    #: Of an outcome: the sequence of the command that it answers; whether that was refused.
    of: int | None = None
    refused: bool = False
    facts: tuple[Fact, ...] = ()
    #: What is wrong with it.
    fault: str = ""


class Lines(Struct, frozen=True, kw_only=True):
    """What was asked for. `more`: there are more before or behind them."""

    folder: str
    lines: tuple[Shown, ...]
    more: bool


class _Reply(Struct, frozen=True):
    """All of a reply that is told."""

    error: Any = None


_reply_decoder = msgspec.json.Decoder(_Reply | None)


def _is_refusal(outcome: OutcomeLine) -> bool:
    reply = _reply_decoder.decode(outcome.reply)
    return reply is not None and reply.error is not None


def show(folder: str, *, graph: str = "", task: str = "", since: int | None = None, limit: int) -> Lines:
    """The newest `limit` lines; with `since`, the first after that sequence.

    Args:
        folder: the journal's.
        graph: only what is said of this graph: its id, or its name.
        task: only what is said of this task of it.
        since: a sequence.
        limit: how many lines at the most.

    Raises:
        OSError: there is no journal, or it cannot be read.
    """
    found = _lines_about(_lines(folder), graph, task) if graph else _lines(folder)
    if since is not None:
        found = (line for line in found if line.sequence > since or line.fault)
        taken = list(islice(found, limit + 1))
        return Lines(folder=folder, lines=tuple(taken[:limit]), more=len(taken) > limit)
    newest = deque(found, limit + 1)
    return Lines(folder=folder, lines=tuple(newest)[-limit:], more=len(newest) > limit)


def _lines(folder: str) -> Iterator[Shown]:
    names = segment_names(os.listdir(folder))
    for name in names:
        try:
            file = open(os.path.join(folder, name), "rb")  # noqa: SIM115 (closed below)
        except FileNotFoundError:
            continue  # compacted away meanwhile
        with file:
            for number, raw in enumerate(file, start=1):
                if number > 1:
                    yield _line(name, number, raw)
                elif not raw.endswith(b"\n") and name != names[-1]:
                    yield Shown(file=name, line=1, type="broken", fault="its header is not whole")


def _line(name: str, number: int, raw: bytes) -> Shown:
    try:
        if not raw.endswith(b"\n"):
            raise Damaged("the line is not whole: perhaps it is being written")
        line, _ = decode_line(raw[:-1])
        return _decoded(name, number, line)
    except (Damaged, Unfamiliar, msgspec.DecodeError, RecursionError) as error:
        return Shown(file=name, line=number, type="broken", fault=str(error))


def _decoded(name: str, number: int, line: Line) -> Shown:
    match line.t:
        case "command":
            command: CommandLine = decode_command(line.d)
            return Shown(
                file=name,
                line=number,
                type="command",
                sequence=line.s,
                time_utc=utc_text(command.at),
                client=command.client,
                command=command.id,
                do=command.do,
            )
        case "outcome":
            outcome: OutcomeLine = decode_outcome(line.d)
            return Shown(
                file=name,
                line=number,
                type="outcome",
                sequence=line.s,
                time_utc=utc_text(outcome.at),
                of=outcome.of,
                refused=_is_refusal(outcome),
                facts=tuple(_fact(fact, outcome.at) for fact in outcome.facts),
            )
        case kind:
            raise Unfamiliar(f"sequence {line.s} is of type {kind!r}")


def _fact(fact: f.Fact, at_utc: float) -> Fact:
    kind = str(fact.__struct_config__.tag)
    if isinstance(fact, f.SilentFact):
        about, message = getattr(fact, "consumer", "") or getattr(fact, "worker", "") or getattr(fact, "graph", ""), ""
    else:
        event = event_of(fact, 0, at_utc)
        parts = [str(part) for part in (event.graph, event.task, event.attempt) if part is not None]
        about, message = "/".join(parts) or str(event.data.get("worker", "")), event.message
    return Fact(kind=kind, about=about, message=message, written=fact)


def _lines_about(lines: Iterator[Shown], graph: str, task: str) -> Iterator[Shown]:
    """Outcomes with a fact about it, each with those facts alone, and the commands that they answer."""
    ids = {graph}
    commands: dict[int, Shown] = {}
    for line in lines:
        if line.type == "command":
            commands[line.sequence] = line
            continue
        if line.fault:
            yield line
            continue
        asked = commands.pop(line.of, None) if line.of is not None else None
        ids.update(_ids_of(line, graph))
        about = tuple(fact for fact in line.facts if _is_about(fact.written, ids, task))
        if about:
            if asked is not None:
                yield asked
            yield msgspec.structs.replace(line, facts=about)


def _ids_of(line: Shown, name: str) -> Iterator[str]:
    """Ids of graphs with this name that the line takes in."""
    for fact in line.facts:
        match fact.written:
            case f.GraphSubmitted(graph=graph, document=document) if document.get("name") == name:
                yield graph
            case _:
                continue


def _is_about(fact: f.Fact, ids: set[str], task: str) -> bool:
    if getattr(fact, "graph", None) not in ids:
        return False
    if not task or isinstance(fact, f.GraphSubmitted):
        return True
    name = str(getattr(fact, "task", ""))
    return name == task or name.startswith(f"{task}#")
