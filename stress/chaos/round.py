"""One round: a home, a load, strikes, and, when the last one has fallen, everything that is needed to judge it."""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from random import Random
from typing import Final

from msgspec import Struct

from orch_actors.protocol.environment import outside_attempts
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import Home
from orch_actors.stress.chaos import processes
from orch_actors.stress.chaos.closing import END_S, end_all, leave, see_to_the_end
from orch_actors.stress.chaos.keeper import Keeper
from orch_actors.stress.chaos.plan import AT_MOST_S, Strike, strikes
from orch_actors.stress.chaos.record import CLOCK, EFFECTS, HOME, RIG, STRIKES, Log
from orch_actors.stress.chaos.smalldisk import DEEP, SmallDisk, possible
from orch_actors.stress.rigged.clock import set_offset
from orch_actors.stress.rigged.rig import Rig, write_rig

AGENTS: Final = 7

#: A load that overtaxes two processors a little, so that there is always something that waits. No number of deaths
#: parks a worker type: hosts are killed from outside here, and not by what they are given.
SETTINGS: Final = "[workers.shell]\nlimit = 6\n[workers.python]\nlimit = 3\n[hosts]\ndeaths = 1000000\n"

LOOK_S: Final = 0.02

#: A disk is full for so long at least: something must want to write meanwhile.
FULL_S: Final = 0.3
#: Of the strikes that fill a disk, so many kill the daemon meanwhile.
FULL_AND_KILLED: Final = 0.5


def has_small_disk(seed: int) -> bool:
    """Whether a round of this seed is on a small disk, where there can be one. Half of them are."""
    return Random(f"disk {seed}").random() < 0.5


class Order(Struct, frozen=True, kw_only=True):
    """What a round is to be."""

    #: Exists, is empty, has a short path.
    folder: str
    seed: int
    #: Processes that are killed, at least (the last strike may kill two).
    kills: int
    #: Whether shims are killed too.
    shims: bool = False
    #: What the product is broken by, to see that it is noticed (rigged/sabotages.py).
    sabotage: str | None = None
    #: What everything may take to come to its end, after the last strike.
    end_s: float = END_S
    #: No strike after so many seconds; None: until there were enough kills.
    most_s: float | None = None


class Round:
    """See the module. `run` leaves no process behind, and in the folder what record.py says."""

    def __init__(self, order: Order) -> None:
        self._order: Final = order
        self._folder: Final = order.folder
        set_offset(self._path(CLOCK), 0.0)
        write_rig(self._path(RIG), Rig(clock=self._path(CLOCK), sabotage=order.sabotage))
        self._log: Final = Log(self._path(STRIKES))
        self._disk: Final = SmallDisk(self._path(DEEP)) if has_small_disk(order.seed) and possible() else None
        self._home: Final = self._path(DEEP if self._disk is not None else HOME)
        self._keeper: Keeper
        self.kills = 0
        #: Hosts that are stopped, and belong to a supervisor that is dead.
        self._asleep: list[int] = []

    def run(self) -> None:
        """From the first daemon to the last.

        Raises:
            EnvironmentFault: a daemon does not come up, or the clients do not end.
        """
        with ExitStack() as stack:
            os.makedirs(self._home, 0o700)
            within = stack.enter_context(self._disk).within if self._disk is not None else ()
            stack.callback(shutil.rmtree, Home(self._home).run, ignore_errors=True)
            with open(self._inside("config.toml"), "w", encoding="utf-8") as file:
                file.write(SETTINGS)
            self._keeper = Keeper(self._folder, self._log, home=self._home, within=within)
            self._run()

    def _run(self) -> None:
        agents: subprocess.Popen[str] | None = None
        try:
            self._keeper.up()
            agents = self._start_agents()
            self._strike_all(agents)
            self._wind_up(agents)
        finally:
            self._wake_all()
            if agents is not None:
                agents.kill()
                agents.communicate()  # its pipes are closed, too
            self._keeper.end()
            end_all(self._home)
            self._log.close()

    def _inside(self, name: str) -> str:
        """Where something of the home is found from here."""
        return self._disk.inside(name) if self._disk is not None else os.path.join(self._home, name)

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _start_agents(self) -> "subprocess.Popen[str]":
        module = "orch_actors.stress.chaos.agents"
        with open(self._path("agents.err"), "ab") as errors:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", module, self._folder, self._home, str(self._order.seed), str(AGENTS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=outside_attempts(os.environ),
            )

    # --- strikes --------------------------------------------------------------------------------------------------

    def _strike_all(self, agents: "subprocess.Popen[str]") -> None:
        until_at = None if self._order.most_s is None else time.monotonic() + self._order.most_s
        for strike in strikes(self._order.seed, shims=self._order.shims):
            if self.kills >= self._order.kills or (until_at is not None and time.monotonic() >= until_at):
                return
            if agents.poll() is not None:
                raise EnvironmentFault("the process of the clients has died", f"see {self._path('agents.err')}", 111)
            self._wait_for(strike)
            if self._keeper.went_by_itself():
                self._keeper.up()
            self._carry_out(strike)

    def _wait_for(self, strike: Strike) -> None:
        """Until the tasks have written so many lines, or time is up; and a moment more."""
        until_at = time.monotonic() + AT_MOST_S
        size = self._effects_size() + strike.lines * len("g100/t1/1 begin\n")
        while self._effects_size() < size and time.monotonic() < until_at:
            time.sleep(LOOK_S)
        time.sleep(strike.moment_s)

    def _effects_size(self) -> int:
        try:
            return os.stat(self._path(EFFECTS)).st_size
        except OSError:
            return 0

    def _carry_out(self, strike: Strike) -> None:
        victims: list[int] = []
        match strike.act:
            case "supervisor":
                self._kill_supervisor(strike, victims)
            case "host":
                if not self._kill_host(strike, victims):
                    self._kill_supervisor(strike, victims)
            case "both":
                self._kill_host(strike, victims)
                self._kill_supervisor(strike, victims)
            case "stop_supervisor":
                self._keeper.signal(signal.SIGSTOP)
                time.sleep(strike.pause_s)
                self._keeper.signal(signal.SIGCONT)
            case "stop_host":
                if (host := self._choose_host(strike)) is not None and _signal(host, signal.SIGSTOP):
                    time.sleep(strike.pause_s)
                    _signal(host, signal.SIGCONT)
            case "zombie":
                if (host := self._choose_host(strike)) is not None and _signal(host, signal.SIGSTOP):
                    self._asleep.append(host)
                self._kill_supervisor(strike, victims)
                time.sleep(strike.pause_s)
                self._wake_all()
            case "clock":
                set_offset(self._path(CLOCK), strike.offset_s)
            case "disk":
                self._fill_disk(strike, victims)
            case "shim":
                self._kill_shim(strike)
        self.kills += len(victims)
        self._log.write({"strike": strike, "victims": victims, "at": round(time.monotonic(), 4)})

    def _kill_supervisor(self, strike: Strike, victims: list[int]) -> None:
        victims.append(self._keeper.kill())
        for life_s in strike.births:
            self._keeper.begin()
            time.sleep(life_s)
            victims.append(self._keeper.kill())
        time.sleep(strike.pause_s if strike.act != "zombie" else 0.0)
        self._keeper.up()

    def _fill_disk(self, strike: Strike, victims: list[int]) -> None:
        """Full for a while; sometimes the daemon dies meanwhile, and its next one finds it so."""
        if self._disk is None:
            return
        self._log.write({"filled": self._disk.fill()})
        time.sleep(max(strike.pause_s, FULL_S))
        if strike.which < FULL_AND_KILLED:
            self._kill_supervisor(strike, victims)
            time.sleep(strike.pause_s)
        self._disk.free()

    def _kill_host(self, strike: Strike, victims: list[int]) -> bool:
        host = self._choose_host(strike)
        if host is None or not _signal(host, signal.SIGKILL):
            return False
        victims.append(host)
        return True

    def _choose_host(self, strike: Strike) -> int | None:
        hosts = sorted(self._keeper.hosts().items())
        return hosts[int(strike.which * len(hosts))][1] if hosts else None

    def _kill_shim(self, strike: Strike) -> None:
        """Of those that run; written down before, since its attempt alone may be unknown afterwards."""
        found = sorted(processes.shims(self._home).items())
        if found:
            attempt, pid = found[int(strike.which * len(found))]
            self._log.write({"shim": attempt, "pid": pid})
            _signal(pid, signal.SIGKILL)

    def _wake_all(self) -> None:
        for pid in self._asleep:
            _signal(pid, signal.SIGCONT)
        self._asleep.clear()

    # --- the end --------------------------------------------------------------------------------------------------

    def _wind_up(self, agents: "subprocess.Popen[str]") -> None:
        """Let the agents finish, clear up what they left, and write down what is to be seen."""
        set_offset(self._path(CLOCK), 0.0)
        self._say(agents, "stop")
        if self._hear(agents) != "stopped\n":
            raise EnvironmentFault("the clients do not end", f"see {self._path('agents.err')}", 111)
        seen = see_to_the_end(self._home, self._folder, self._order.end_s)
        self._say(agents, f"end {seen.head}")
        agents.wait(END_S)
        leave(self._keeper, self._folder, seen)
        if self._disk is not None:  # it goes, and what is on it
            os.makedirs(self._path(HOME))
            shutil.copytree(self._inside("journal"), os.path.join(self._path(HOME), "journal"))
            shutil.copy(self._inside("daemon.log"), self._path(HOME))

    def _say(self, agents: "subprocess.Popen[str]", word: str) -> None:
        assert agents.stdin is not None  # noqa: S101 (it was asked for)
        agents.stdin.write(word + "\n")
        agents.stdin.flush()

    def _hear(self, agents: "subprocess.Popen[str]") -> str:
        """Their next line. While they have none, the daemon is looked after: it may die by itself."""
        assert agents.stdout is not None  # noqa: S101 (it was asked for)
        until_at = time.monotonic() + END_S
        while time.monotonic() < until_at:
            if select.select([agents.stdout], [], [], 0.2)[0]:
                return agents.stdout.readline()
            if self._keeper.went_by_itself():
                self._keeper.up()
        return ""


def _signal(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
