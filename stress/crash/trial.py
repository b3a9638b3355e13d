"""One cell: a daemon in whose world something goes wrong once, the load, and the verdict of the chaos checker."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from msgspec import Struct

from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import EnvironmentFault, OrchError
from orch_actors.stress.chaos.agent import Agent
from orch_actors.stress.chaos.checker.verdict import judge
from orch_actors.stress.chaos.closing import END_S, Seen, end_all, leave, see_to_the_end
from orch_actors.stress.chaos.consumer import Consumer
from orch_actors.stress.chaos.keeper import Keeper
from orch_actors.stress.chaos.record import EFFECTS, HISTORY, HOME, RIG, STRIKES, Log
from orch_actors.stress.crash.cells import Cell
from orch_actors.stress.crash.load import load
from orch_actors.stress.daemon import fresh_folder
from orch_actors.stress.rigged.faults import counted
from orch_actors.stress.rigged.places import BY_NAME
from orch_actors.stress.rigged.rig import Planted, Rig, write_rig

#: Exit codes of a daemon that was killed, or stopped because its machine failed it.
MAY_DIE_WITH: Final = (-9, 100, 111)
LOOK_S: Final = 0.02
#: How long a compaction that was asked for may take to begin.
ASK_AGAIN_S: Final = 2.0
READ_S: Final = 30.0

#: Of effects: then some tasks are over, some run, and some are still to come.
KILL_AT_BYTES: Final = 60

#: What a compaction removes by.
REMOVAL: Final = "os.unlink"

MARKER: Final = "happened"
COUNT: Final = "count"
SETTINGS: Final = "[workers.shell]\nlimit = 3\n[workers.python]\nlimit = 2\n"

#: Then no events are kept for readers that come late, and segments go.
FORGETFUL: Final = SETTINGS + "[retention]\nevents = 0\n"
#: Links to segments that go: the checker reads all of the journal.
KEPT: Final = "kept"

#: Words in a log that only a bug of ours writes there.
BUGS: Final = ("Traceback (most recent", "a bug")


class CellReport(Struct, frozen=True, kw_only=True):
    """What became of one."""

    place: str
    nth: int
    fault: str
    ok: bool
    #: Whether the fault happened at all.
    happened: bool
    #: The supervisor's exit codes, where it died.
    deaths: tuple[int, ...]
    #: Attempts that are unknown, where that is as it must be.
    unknown: int
    faults: tuple[str, ...]
    seconds: float
    folder: str | None


def try_cell(cell: Cell) -> CellReport:
    """Try one; its folder goes unless there is something to see."""
    folder = fresh_folder("oax-")
    begun_at = time.monotonic()
    kept: str | None = folder
    trial = _Trial(folder, cell)
    try:
        faults = trial.run()
        kept = folder if faults else None
    except BaseException:
        kept = None
        raise
    finally:
        if kept is None:
            shutil.rmtree(folder, ignore_errors=True)
    return CellReport(
        place=cell.place.name,
        nth=cell.nth,
        fault=cell.fault,
        ok=not faults,
        happened=trial.happened,
        deaths=tuple(trial.deaths),
        unknown=trial.unknown,
        faults=tuple(faults),
        seconds=round(time.monotonic() - begun_at, 2),
        folder=kept,
    )


def count_calls() -> dict[str, int]:
    """How often each place is come to, without a fault.

    Raises:
        EnvironmentFault: the load alone does not hold; says how.
    """
    folder = fresh_folder("oax-")
    trial = _Trial(folder, None)
    try:
        faults = trial.run()
        found = counted(os.path.join(folder, COUNT))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    # What comes with the removal of segments comes in the cells of removals alone.
    found |= {name: count for name, count in trial.before.items() if BY_NAME[name].function != REMOVAL}
    if faults:
        raise EnvironmentFault(f"without any fault: {faults[0]}", "a machine that is too busy?", 111)
    return found


def may_be_unknown(cell: Cell) -> bool:
    """Whether an attempt may be unknown for it: who keeps a record has died, or it can be neither read nor written."""
    if cell.place.role == "runner":
        return True
    return cell.place.role == "host" and not cell.fault.startswith(("killed", "short"))


class _Trial:
    """A cell that is tried; without one, calls are counted."""

    def __init__(self, folder: str, cell: Cell | None) -> None:
        self._folder: Final = folder
        self._cell: Final = cell
        self.deaths: Final[list[int]] = []
        self.unknown = 0
        self.happened = False
        #: Place → calls before segments are removed; only where they are.
        self.before: dict[str, int] = {}

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _happens(self) -> bool:
        """Whether the fault has happened."""
        self.happened = self.happened or os.path.exists(self._path(MARKER))
        return self.happened

    def run(self) -> list[str]:
        """Run it; everything that does not hold."""
        self._prepare()
        log = Log(self._path(STRIKES))
        keeper = Keeper(self._folder, log, self._may_die)
        minder = _Minder(keeper, self._path(EFFECTS))
        try:
            keeper.up()
            minder.start()
            seen = self._work(keeper.home)
            minder.cease()
            log.write({"strike": {"act": "fault"}, "victims": [0]})
            leave(keeper, self._folder, seen)
        except (EnvironmentFault, OrchError) as error:
            return [f"it could not be finished: {error}"]
        finally:
            minder.cease()
            keeper.end()
            end_all(keeper.home)
            log.close()
        return self._judge()

    def _prepare(self) -> None:
        os.mkdir(self._folder, 0o700)
        os.mkdir(self._path(HOME), 0o700)
        os.mkdir(self._path(COUNT), 0o700)
        with open(os.path.join(self._path(HOME), "config.toml"), "w", encoding="utf-8") as file:
            file.write(SETTINGS)
        cell = self._cell
        planted = None
        if cell is not None:
            planted = Planted(place=cell.place.name, nth=cell.nth, fault=cell.fault, marker=self._path(MARKER))
        write_rig(self._path(RIG), Rig(count=self._path(COUNT), fault=planted))

    def _may_die(self, code: int) -> bool:
        """Once, of the fault, where it is the daemon's."""
        if self._cell is None or self._cell.place.role != "daemon" or not self._happens():
            return False
        self.deaths.append(code)
        return len(self.deaths) == 1 and code in MAY_DIE_WITH

    def _work(self, home: str) -> Seen:
        """The load, to its end."""
        history, told = Log(self._path(HISTORY)), Log(self._path("consumer-stream.jsonl"))
        every = load(self._path(EFFECTS))
        clients = [Client(home, client_id=f"agent-{number}", timeout_s=20.0) for number in range(len(every) + 1)]
        agents = [
            Agent(client, client.client_id, iter(jobs), history) for client, jobs in zip(clients, every, strict=False)
        ]
        consumer = Consumer(clients[-1], "stream", 0, told)
        tidier = threading.Thread(target=_compact, args=(home,), name="tidier", daemon=True)
        for thread in (*agents, consumer, tidier):
            thread.start()
        for agent in agents:
            agent.join(END_S)
        seen = see_to_the_end(home, self._folder)
        tidier.join(END_S)
        _compact(home)
        consumer.finish(seen.head)
        consumer.join(READ_S)
        if self._removes:
            self.before = counted(self._path(COUNT))
            _retire(home, self._path(KEPT))
        for client in clients:
            client.close()
        for log in (history, told):
            log.close()
        return seen

    @property
    def _removes(self) -> bool:
        """Whether it is about what a compaction removes: that takes more compactions, which others do without."""
        return self._cell is None or self._cell.place.function == REMOVAL

    def _put_back(self) -> None:
        """Give the checker the segments that are gone."""
        folder, kept = os.path.join(self._path(HOME), "journal"), self._path(KEPT)
        for name in os.listdir(kept) if os.path.isdir(kept) else ():
            with suppress(FileExistsError):
                os.link(os.path.join(kept, name), os.path.join(folder, name))

    def _judge(self) -> list[str]:
        self._put_back()
        verdict = judge(self._folder)
        cell = self._cell
        if cell is not None and may_be_unknown(cell):
            self.unknown = len(verdict.violations["unknown"])
            verdict.violations["unknown"] = []
        faults = verdict.faults() + list(self._bugs())
        if cell is not None and not self._happens():
            faults.append("the fault never happened")
        return faults

    def _bugs(self) -> Iterator[str]:
        """What the logs say that only a bug of ours would have them say."""
        logs = os.path.join(self._path(HOME), "logs")
        paths = [self._path("daemon.err"), os.path.join(self._path(HOME), "daemon.log")]
        paths += [os.path.join(logs, name) for name in (os.listdir(logs) if os.path.isdir(logs) else ())]
        for path in paths:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
            for word in BUGS:
                if word in text:
                    yield f"{os.path.basename(path)} speaks of a bug: {text[text.index(word) :][:1500]}"


def _compact(home: str) -> None:
    """Have the journal compacted, whatever comes between: once while there is work, and once when it is over.

    Raises:
        EnvironmentFault: that does not come about.
    """
    until = time.monotonic() + END_S
    with Client(home, client_id="tidier", timeout_s=20.0) as client:
        while time.monotonic() < until:
            with suppress(OrchError):
                segment, ask_again_at = client.compact().segment, time.monotonic() + ASK_AGAIN_S
                found = client.status().compaction
                # One that a daemon was asked for before it died is nobody's any more: it is asked for again.
                while found is not None and (found.running or time.monotonic() < ask_again_at):
                    if 0 < segment <= found.segment:
                        return
                    if found.fault and not found.running:
                        break
                    time.sleep(LOOK_S)
                    found = client.status().compaction
            time.sleep(LOOK_S)
    raise EnvironmentFault("the journal was never compacted", "see the daemon's log", 111)


def _retire(home: str, kept: str) -> None:
    """Have the oldest segments go, which nobody reads any more, whatever comes between.

    Raises:
        EnvironmentFault: none ever does.
    """
    folder, until = os.path.join(home, "journal"), time.monotonic() + END_S
    with open(os.path.join(home, "config.toml"), "w", encoding="utf-8") as file:
        file.write(FORGETFUL)
    os.mkdir(kept, 0o700)
    # A consumer's name: what such a client asks for, and nobody else, the checker does not look for in histories.
    with Client(home, client_id="consumer-retirer", timeout_s=20.0) as client:
        while time.monotonic() < until:
            for name in os.listdir(folder):
                if name.endswith(".jsonl") and name[0].isdigit():
                    with suppress(FileExistsError):
                        os.link(os.path.join(folder, name), os.path.join(kept, name))
            with suppress(OrchError, ProcessLookupError):
                # Something new, so that there is a snapshot to be made: only the one before it lets segments go.
                client.open_consumer("retirer")
                client.forget_consumers(["retirer"])
                os.kill(client.status().supervisor.pid, signal.SIGHUP)
                client.compact()
            look_again_at = time.monotonic() + ASK_AGAIN_S
            while time.monotonic() < look_again_at:
                if min(os.listdir(kept)) not in os.listdir(folder):
                    return
                time.sleep(LOOK_S)
    raise EnvironmentFault("no segment was ever removed", "see the daemon's log", 111)


class _Minder(threading.Thread):
    """Kills the daemon once, when so much has happened, and starts it again, whatever it died of.

    From `start` to `cease` nobody else uses the keeper.
    """

    def __init__(self, keeper: Keeper, effects: str) -> None:
        super().__init__(name="minder", daemon=True)
        self._keeper: Final = keeper
        self._effects: Final = effects
        self._ceased: Final = threading.Event()

    def cease(self) -> None:
        """No more; twice is once."""
        self._ceased.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """See the class. A daemon that does not come up is noted by the keeper; the clients run out of patience."""
        killed = False
        with suppress(EnvironmentFault):
            while not self._ceased.wait(LOOK_S):
                if not killed and os.path.exists(self._effects) and os.stat(self._effects).st_size > KILL_AT_BYTES:
                    killed = True
                    self._keeper.kill()
                    self._keeper.up()
                elif self._keeper.went_by_itself():
                    self._keeper.up()
