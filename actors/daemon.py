"""The supervisor process: takes the home, reads the journal, starts the actors, and waits for the end.

The order matters and each step's reason stands beside it. Exit codes: 0 asked to go, 100/111 the machine or its
settings stand in the way, 70 a bug of ours.
"""

import contextlib
import functools
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

import msgspec
import pykka
from loguru import logger

from orch_actors.actors.archivist import Archivist
from orch_actors.actors.compaction.compactor import Compactor, Progress
from orch_actors.actors.core.machine import Machine
from orch_actors.actors.courier.keeper import CourierKeeper
from orch_actors.actors.desk import Desk
from orch_actors.actors.gateway.admission import Listening
from orch_actors.actors.gateway.gateway import Gateway
from orch_actors.actors.gateway.sockets import new_pair
from orch_actors.actors.holding import holding
from orch_actors.actors.inside import Begin, Origin, SettingsChanged, StopAsked, WakeHost
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.swapping import refuse_unfinished
from orch_actors.actors.process.boot import boot_id
from orch_actors.actors.process.ending import Ending
from orch_actors.actors.process.logfile import LogFile
from orch_actors.actors.process.notifying import ServiceManager
from orch_actors.actors.recovery.recalling import recall
from orch_actors.actors.supervisor import Supervisor
from orch_actors.actors.timekeeper import SystemClock, Timekeeper
from orch_actors.actors.workforce import HostRecord, Workforce
from orch_actors.protocol.errors import EnvironmentFault, ErrorInfo
from orch_actors.protocol.homes import Home
from orch_actors.protocol.hostwire import HostConfig
from orch_actors.protocol.keyring import Keyring
from orch_actors.protocol.messages import Result
from orch_actors.protocol.settings import Settings, load_settings
from orch_actors.protocol.visible import log_entry

if TYPE_CHECKING:
    import loguru


#: Between two looks whether the home is still there; seconds. What was removed is not acknowledged meanwhile, either:
#: the journal sees at each commit that its file is.
LOOK_AT_HOME_S = 5.0


class HomeGone(EnvironmentFault):
    """The home is not where it was: whatever is accepted now would be on no disk that anybody finds."""

    def __init__(self, home: str) -> None:
        super().__init__(
            f"the home {home} was removed, or replaced, under its daemon, which has stopped",
            f"running tasks go on, and nobody watches them: their processes have ORCH_ACTORS_HOME={home} in their "
            "environment",
        )


def is_gone(home: Home, lock_fd: int) -> bool:
    """Whether the lock that is held is the home's no more: anybody may hold the next one."""
    try:
        found = os.stat(home.lock)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # not to be seen just now, which says nothing
        return False
    held = os.fstat(lock_fd)
    return (found.st_dev, found.st_ino) != (held.st_dev, held.st_ino)


class Starter:
    """Whoever started us and waits on a descriptor, if anybody does. It is told once, how it went."""

    def __init__(self, ready_fd: int | None) -> None:
        self._fd = ready_fd

    def tell(self, what: object) -> None:
        """Say it, the first time only: the descriptor's number is another file's afterwards."""
        fd, self._fd = self._fd, None
        if fd is not None:
            with contextlib.suppress(OSError):  # nobody waits for it any more
                os.write(fd, msgspec.json.encode(what) + b"\n")
            os.close(fd)  # else whoever could not be told would wait for more


class Daemon:
    """The actors of the supervisor process and how they know each other. The home's lock is held."""

    def __init__(self, home: Home, ending: Ending, umask: int, *, only_to_end: bool = False) -> None:
        self._home, self._ending, self._only_to_end = home, ending, only_to_end
        clock, boot = SystemClock(), boot_id()
        settings = load_settings(home.config)
        #: Where it listens for its whole life.
        self.listen = settings.listen
        journal, replayed, state = recall(RealDisk(), home.journal)
        self._machine = machine = Machine(boot, journal.id, state)
        for found in state.quarantine.values():
            logger.error("{} goes into quarantine: {}", found.task.ref, found.why)
        self._head = replayed.head
        self._timekeeper = Timekeeper(clock, ending.crashed)
        listening = _listening(home, settings)
        self._gateway = Gateway(
            home,
            listening=listening,
            journal=journal.id,
            on_client=self._tell,
            on_host=self._tell,
            on_crash=ending.crashed,
        )
        self._progress = Progress(replayed.snapshot)
        self._desk = Desk(
            home,
            progress=self._progress,
            journal=journal.id,
            boot=boot,
            gateway=self._gateway,
            timekeeper=self._timekeeper,
            started_utc=clock.utc(),
            umask=umask,
            tcp_events=None if listening is None else listening.events,
        )
        self._desk.adopted = sum(len(tasks) for tasks in machine.state.in_flight.values())
        self._config = HostConfig(
            worker="", endpoint=home.workers, name="", home=home.path, journal=journal.id, boot=boot
        )
        self._make_supervisor = functools.partial(
            Supervisor.start,
            machine=machine,
            journal=journal,
            replayed=replayed,
            clock=clock,
            desk=self._desk,
            settings=settings,
            on_crash=ending.crashed,
            on_stopped=ending.asked,
        )
        self._supervisor: pykka.ActorRef[Supervisor] | None = None
        self._courier = CourierKeeper(home.path)
        self._settings = settings

    def start(self) -> None:
        """Bind, then bring everything to life; the supervisor's first message is Begin.

        Raises:
            EnvironmentFault: a socket cannot be bound.
        """
        self._gateway.bind(self._head)
        self._timekeeper.start()
        hosts: dict[str, HostRecord] = {}
        self._archivist = Archivist.start(self._home.journal, self._answer, self._ending.crashed)
        self._compactor = Compactor.start(self._home, self._progress, self._tell, self._ending.crashed)
        self._workforce = Workforce.start(
            self._config,
            hosts,
            self._timekeeper,
            tell_supervisor=self._tell,
            send=self._gateway.to_host,
            on_crash=self._ending.crashed,
        )
        self._supervisor = supervisor = self._make_supervisor()
        self._desk.attach(
            supervisor=supervisor,
            workforce=self._workforce,
            archivist=self._archivist,
            compactor=self._compactor,
            hosts=hosts,
            wake_courier=self._courier.wake,
        )
        if not self._machine.state.worker("shell").parked:
            self._workforce.tell(WakeHost("shell"))  # nearly every graph wants it
        supervisor.ask(Begin(self._only_to_end))
        self._gateway.start()
        if not self._only_to_end:
            # Nobody was served yet, so no event comes between.
            self._courier.configure(self._settings, since=self._head)

    def stop(self) -> None:
        """In the order in which nothing is lost: decide no more, close the journal, flush replies, let hosts go."""
        self._courier.stop()
        if self._supervisor is not None and self._supervisor.is_alive():
            self._supervisor.stop()
        self._workforce.stop()
        self._archivist.stop()
        self._compactor.stop()
        self._timekeeper.stop()
        self._gateway.stop()

    def tell(self, message: StopAsked | SettingsChanged) -> None:
        """A word from outside, such as a signal."""
        self._tell(message)

    def take_over(self, settings: Settings) -> None:
        """What the settings say of the courier; all else is the supervisor's to hear."""
        self._courier.configure(settings)

    def _tell(self, message: object) -> None:
        supervisor = self._supervisor
        if supervisor is not None:
            with contextlib.suppress(pykka.ActorDeadError):  # it is on its way out
                supervisor.tell(message)

    def _answer(self, origin: Origin, what: Result | ErrorInfo) -> None:
        self._gateway.reply(origin, self._desk.encode_reply(origin, what))


def _listening(home: Home, settings: Settings) -> Listening | None:
    """Where to listen by tcp; never where nobody may come.

    Raises:
        EnvironmentFault: nobody may; or the keys cannot be read, or are open to others.
    """
    endpoints = settings.listen.endpoints()
    if endpoints is None:
        return None
    keyring = Keyring(home.keys)
    if not keyring.allowed():
        raise EnvironmentFault(
            f"{home.config} says to listen at {endpoints[0]}, and no key is allowed to come there",
            "make one: orch-actors keys new NAME; or take [listen] out",
        )
    return Listening(*endpoints, secret=keyring.make_server(new_pair).secret)


def serve(home: Home, starter: Starter, *, only_to_end: bool = False) -> int:
    """Run a daemon in this process until it is asked to go; returns the exit code.

    Args:
        home: whose.
        starter: told once it answers.
        only_to_end: end what runs, start nothing, and go.

    Raises:
        EnvironmentFault: it cannot start, or cannot go on; nothing that was accepted is lost.
    """
    umask = os.umask(0o077)  # ours from now on; attempts get the one that we were started with
    home.prepare()
    with holding(home) as lock_fd:
        refuse_unfinished(home.salvage)
        _log_to(home.log)
        manager = ServiceManager.from_environment()
        ending = Ending(_log_crash)
        daemon = Daemon(home, ending, umask, only_to_end=only_to_end)
        ending.listen(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        daemon.start()
        logger.info("up: pid {}, home {}", os.getpid(), home.path)
        starter.tell({"pid": os.getpid()})
        manager.ready(f"serves {home.path}")
        for number in ending.signals(LOOK_AT_HOME_S):
            if number == signal.SIGHUP:
                manager.reloading()
                manager.ready(_read_settings(daemon, home))
            elif number:
                daemon.tell(StopAsked())
            elif is_gone(home, lock_fd):
                ending.crashed("home", HomeGone(home.path))
        manager.stopping("running tasks go on")
        daemon.stop()
        logger.info("down")
    if ending.crash is not None:
        raise ending.crash
    return 0


def _read_settings(daemon: Daemon, home: Home) -> str:
    """What came of it, in words."""
    try:
        settings = load_settings(home.config)
        daemon.tell(SettingsChanged(settings))
        daemon.take_over(settings)
        if settings.listen != daemon.listen:
            logger.warning("[listen] has changed: that takes effect at the next start (orch-actors down, then up)")
    except EnvironmentFault as fault:
        logger.error("the settings stay as they were: {}", fault.whole)
        return f"serves {home.path}; its settings stayed as they were: {fault.message}"
    return f"serves {home.path}"


def _log_crash(name: str, error: BaseException) -> None:
    logger.error("{} died: {}: {}", name, type(error).__name__, error)


def _log_to(path: str) -> None:
    logger.remove()
    logger.configure(patcher=_make_visible)
    logger.add(path, level=os.environ.get("ORCH_ACTORS_LOG", "INFO"), diagnose=False, **LogFile().options())


def _make_visible(record: "loguru.Record") -> None:
    """Reasons, ids and file names come from outside."""
    record["message"] = log_entry(record["message"])


def main(home: Home, ready_fd: int | None, *, only_to_end: bool = False) -> int:
    """`serve`, with every ending turned into an exit code and a word."""
    logger.remove()  # until there is a log file, the only words are the ones below
    starter = Starter(ready_fd)
    try:
        return serve(home, starter, only_to_end=only_to_end)
    except EnvironmentFault as fault:
        logger.error("{} ({})", fault.whole, fault.hint)
        error = {"code": "ENVIRONMENT", "message": fault.message, "hint": fault.hint, "problems": fault.problems}
        starter.tell({"error": error, "exit_code": fault.exit_code})
        sys.stderr.write(log_entry(f"orch-actors: {fault.whole}\n{fault.hint}") + "\n")
        return fault.exit_code
    except Exception as bug:  # noqa: BLE001 (an entry point: whatever it is, it must be told)
        logger.critical("a bug: {}", "".join(traceback.format_exception(bug)))
        error = {"code": "INTERNAL", "message": f"{type(bug).__name__}: {bug}", "hint": f"see {home.log}"}
        starter.tell({"error": error, "exit_code": 70})
        sys.stderr.write(log_entry(f"orch-actors: a bug: {bug}\nthe daemon's log has its traceback: {home.log}") + "\n")
        return 70


def check(home: Home) -> int:
    """Whether a daemon could start here: this code can be loaded, and it understands the settings."""
    try:
        load_settings(home.config)
    except EnvironmentFault as fault:
        sys.stderr.write(f"{fault.whole}\n  {fault.hint}\n")
        return fault.exit_code
    return 0
