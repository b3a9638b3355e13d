"""`journal salvage`: a damaged journal, and what goes on from the part of it in which nothing is missing.

What stands behind the first fault is given up, whole lines included: whether they mean what they meant cannot be known
once something before them is missing. What comes of the rest is a state that there was once; but the world has gone on
since, so

- a command whose answer is lost is never decided again: its client is told that nobody knows what came of it;
- an attempt that was under way and has no record any more is lost (`unknown`), and not begun again;
- attempts that the state knows keep their records, so what has run since is found, and not run twice;
- files of graphs and tasks that it does not know are set aside: their names will be given away again.

Nothing of it is done but with a consent, under the home's lock. The damaged journal stays, in HOME/salvage.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final

import msgspec
from msgspec import Struct

from orch_actors.actors.attempts.launching import attempt_stem, graph_folder
from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.holding import HomeInUse, holding
from orch_actors.actors.host import record
from orch_actors.actors.host.record import Running
from orch_actors.actors.inspection.recall import Recalled, recall
from orch_actors.actors.journal import swapping
from orch_actors.actors.journal.disk import Disk, RealDisk
from orch_actors.actors.journal.opening import segment_name, segment_names
from orch_actors.actors.journal.record import Damaged, LineType, Unfamiliar, decode_line
from orch_actors.actors.journal.rewriting import Cut, heir_of, rewrite
from orch_actors.actors.journal.survey import Usable, beginning, lines_of, survey
from orch_actors.actors.process.no_room import is_no_room
from orch_actors.actors.recovery.history import OutcomeLine, decode_outcome, encode, numbered
from orch_actors.protocol import codec
from orch_actors.protocol.errors import EnvironmentFault, ErrorInfo
from orch_actors.protocol.homes import Home
from orch_actors.protocol.ids import attempt_id
from orch_actors.protocol.messages import Reply

#: Of each kind so many are named.
MOST_NAMED: Final = 100

#: Files of an attempt: of its task, its number, and what they hold.
_ATTEMPT_FILE: Final = re.compile(r"(.+)\.[0-9]+\.[a-z]+")

_NOBODY_KNOWS: Final = ErrorInfo(
    code="INTERNAL",
    message="the journal was damaged and salvaged: whether this was carried out is not known",
    hint="look what there is (status), and send it again under another id if it is missing",
)


class Salvage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a salvage gives up, or has given up (`done`)."""

    home: str
    done: bool
    #: As in Survey. Only a damaged journal can be salvaged.
    verdict: str
    #: The journal's id, and that of what has come of it.
    journal: str = ""
    heir: str = ""
    #: Highest sequence that is kept, and graphs that there were then.
    kept: int = 0
    graphs: int = 0
    #: Highest sequence that was seen; lines behind the first fault that hold, and are given up as well.
    highest: int = 0
    given_up: int = 0
    #: Graphs that nobody will know of any more, and known ones of which later news is given up.
    forgotten: tuple[str, ...] = ()
    set_back: tuple[str, ...] = ()
    #: Commands whose clients are told that nobody knows what came of them.
    commands: tuple[str, ...] = ()
    #: Attempts that are called unknown, since their record is gone.
    unknown: tuple[str, ...] = ()
    #: What is set aside, below the home; attempts of it that run.
    aside: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    #: Where the damaged journal is kept.
    folder: str = ""
    #: An interrupted salvage was finished; this one began nothing.
    finished: bool = False


def salvage(home: Home, *, accept: bool, disk: Disk | None = None) -> Salvage:
    """Say what would be lost; with `accept` do it.

    Raises:
        EnvironmentFault: a daemon runs; the journal is of a newer version; there is no room.
        OSError: there is no journal, or the disk's fault; old or new journal are whole, and it can be tried again.
    """
    disk = disk or RealDisk()
    if not accept:
        return _plan(home, disk)[0]
    with _alone(home):
        if swapping.begun(home.salvage):
            folder = swapping.finish(disk, home.path, home.salvage)
            return Salvage(home=home.path, done=True, finished=True, verdict="damaged", folder=folder)
        planned, end, past = _plan(home, disk)
        if past is None:
            return planned
        return _carry_out(home, disk, planned, end, past)


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    try:
        with holding(home):
            yield
    except HomeInUse as error:
        raise EnvironmentFault(f"a daemon serves {home.path}", "stop it first: orch-actors down", 111) from error


def _plan(home: Home, disk: Disk) -> tuple[Salvage, Usable, Recalled | None]:
    found, end = survey(disk, home.journal, archive=False)
    if found.verdict != "damaged":
        if found.verdict == "too_new":
            raise EnvironmentFault(
                f"{found.faults[0].file}, line {found.faults[0].line}: {found.faults[0].what}",
                "install that version or a newer one: nothing is damaged",
            )
        return Salvage(home=home.path, done=False, verdict=found.verdict, journal=found.journal), end, None
    past = recall(home, Cut(disk, end, beginning(disk, home.journal)))
    forgotten, set_back, given_up = _news_after(disk, home.journal, end, set(past.machine.state.graphs))
    aside = tuple(_unknown_files(home, found.journal, past))
    planned = Salvage(
        home=home.path,
        done=False,
        verdict=found.verdict,
        journal=found.journal,
        kept=found.whole_to,
        graphs=len(past.machine.state.graphs),
        highest=max(found.highest, found.durable),
        given_up=given_up,
        forgotten=forgotten,
        set_back=set_back,
        commands=tuple(
            f"{line.do.__struct_config__.tag} of {line.client}" for line in past.replayed.unprocessed.values()
        )[:MOST_NAMED],
        unknown=tuple(attempt_id(*lost) for lost in _without_record(home, found.journal, past)),
        aside=aside,
        running=tuple(_running_in(home, aside)),
    )
    return planned, end, past


def _carry_out(home: Home, disk: Disk, planned: Salvage, end: Usable, past: Recalled) -> Salvage:
    now_utc = time.time()
    stamp, heir = f"{now_utc:.6f}", heir_of(planned.journal)
    try:
        folder = swapping.folder_for(home.salvage, stamp)
        target = os.path.join(folder, swapping.NEW)
        more = list(_closing_lines(home, planned.journal, past, now_utc))
        cut = Cut(disk, end, beginning(disk, home.journal))
        rewrite(disk, cut, home.journal, target, heir, more, now_utc)
        swapping.commit(disk, home.salvage, stamp, planned.aside)
    except OSError as error:
        if not is_no_room(error):
            raise
        raise EnvironmentFault(
            f"no room for the new journal in {home.salvage}: {error.strerror}", "nothing was changed; make room", 111
        ) from error
    kept = swapping.finish(disk, home.path, home.salvage)
    return msgspec.structs.replace(planned, done=True, heir=heir, folder=kept)


def _closing_lines(home: Home, journal: str, past: Recalled, now_utc: float) -> Iterator[tuple[LineType, bytes]]:
    """Answers to commands without one, and the ends of attempts that nobody will find."""
    head = past.replayed.head
    for sequence, line in sorted(past.replayed.unprocessed.items()):
        reply = msgspec.Raw(codec.encode(Reply(id=line.id, error=_NOBODY_KNOWS), "json"))
        yield "outcome", encode(OutcomeLine(of=sequence, at=now_utc, e=head + 1, facts=(), reply=reply))
    for graph, task, number in list(_without_record(home, journal, past)):
        over = s.AttemptOver(
            graph=graph,
            task=task,
            attempt=number,
            ending="lost",
            message="the journal was damaged, and its record is gone",
            ended_utc=now_utc,
        )
        facts = past.machine.handle(over, now_utc).facts
        outcome = OutcomeLine(of=None, at=now_utc, e=head + 1, facts=facts)
        head += len(list(numbered(outcome)))
        yield "outcome", encode(outcome)


def _without_record(home: Home, journal: str, past: Recalled) -> Iterator[tuple[str, str, int]]:
    for tasks in past.machine.state.in_flight.values():
        for task in list(tasks.values()):
            number = task.attempts[-1].number
            folder = graph_folder(home.attempts, journal, task.graph.id)
            if not os.path.lexists(os.path.join(folder, attempt_stem(task.id, number) + ".jsonl")):
                yield task.graph.id, task.id, number


def _unknown_files(home: Home, journal: str, past: Recalled) -> Iterator[str]:
    """Folders of graphs, and files of tasks, that the kept part does not know; below the home."""
    graphs = past.machine.state.graphs
    folder = os.path.dirname(graph_folder(home.attempts, journal, "g"))
    for name in _names_in(folder):
        path = os.path.join(folder, name)
        if name not in graphs:
            yield os.path.relpath(path, home.path)
            continue
        tasks = graphs[name].tasks
        for file in _names_in(path):
            of = _ATTEMPT_FILE.fullmatch(file)
            if of is not None and of[1] not in tasks:
                yield os.path.relpath(os.path.join(path, file), home.path)


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _running_in(home: Home, aside: tuple[str, ...]) -> Iterator[str]:
    for below in aside:
        path = os.path.join(home.path, below)
        for file in [os.path.join(path, name) for name in _names_in(path)] or [path]:
            if file.endswith(".jsonl"):
                found = record.probe(file)
                if isinstance(found, Running):
                    yield found.seen.header.attempt if found.seen.header is not None else file


def _news_after(disk: Disk, folder: str, end: Usable, known: set[str]) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Graphs that are unknown then, with their names; known ones of which there is news; lines that hold."""
    forgotten: dict[str, str] = {}
    set_back: dict[str, None] = {}
    lines = 0
    for outcome in _outcomes_after(disk, folder, end):
        lines += 1
        for fact in outcome.facts if outcome is not None else ():
            graph = getattr(fact, "graph", "") or ""
            if isinstance(fact, f.GraphSubmitted):
                forgotten[graph] = f"{graph} {fact.document.get('name', '')}"
            elif graph in known:
                set_back[graph] = None
            elif graph:
                forgotten.setdefault(graph, graph)
    return tuple(islice(forgotten.values(), MOST_NAMED)), tuple(islice(set_back, MOST_NAMED)), lines


def _outcomes_after(disk: Disk, folder: str, end: Usable) -> Iterator[OutcomeLine | None]:
    """Every line behind the place that holds; None for one that is no outcome, or none that can be read."""
    for name in segment_names(disk.list(folder)):
        if name < segment_name(end.segment):
            continue
        begin = end.size if name == segment_name(end.segment) else 0
        for _, raw, _ in lines_of(disk.read(os.path.join(folder, name))[begin:]):
            try:
                line, _ = decode_line(raw)
            except (Damaged, Unfamiliar):
                continue
            try:
                yield decode_outcome(line.d) if line.t == "outcome" else None
            except (msgspec.DecodeError, RecursionError):
                yield None
