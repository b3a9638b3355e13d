"""The host process: its threads, its signals, its end.

    main      waits for a reason to go: TERM or StopHost
    stdin     blocks in a read; its end means that the supervisor is dead: leave at once, without a word (on Linux the
              kernel sees to that as well, even where this process is stopped)
    link      the socket
    Worker    the actor, and one Task actor per running attempt
    reaper    waits for children

A host keeps nothing that matters in its memory: it may be killed at any moment (design: "Attempts survive us").
"""

import logging
import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from typing import Final, NoReturn

import msgspec
import pykka

from orch_actors.actors.host import logbook
from orch_actors.actors.host.children import Children
from orch_actors.actors.host.link import Link
from orch_actors.actors.host.local import Local
from orch_actors.actors.host.worker import Worker
from orch_actors.actors.process.ending import Ending
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.hostwire import HostConfig, ToHost

#: A bug of ours (errors.py: exit codes).
EXIT_BUG: Final = 70

_LAST_WORDS_S: Final = 1.0

#: Of linux/prctl.h.
_PR_SET_PDEATHSIG: Final = 1

#: Beginnings of variables that the host itself forgets; attempts have the environment of their launch.
_NOT_OURS: Final = ("ORCH_", "CLAUDE", "OPENCODE")


def read_config(text: str) -> HostConfig:
    """The host's one argument.

    Raises:
        EnvironmentFault: it is not a HostConfig.
    """
    try:
        return msgspec.json.decode(text, type=HostConfig)
    except msgspec.DecodeError as error:
        raise EnvironmentFault(f"not a host's configuration: {error}", "hosts are started by the daemon") from error


def run(config: HostConfig) -> NoReturn:
    """Serve one worker type until the supervisor says so, dies, or TERM comes.

    Raises:
        EnvironmentFault: the worker type is not known.
    """
    _die_with_supervisor()
    inherited = dict(os.environ)
    _forget_inherited()
    ending = Ending(_log_crash)
    _set_signals(ending)
    logbook.open_logbook(os.path.join(config.home, "logs", f"host-{config.worker}.log"), config.log_level)
    logging.getLogger("pykka").addHandler(logging.NullHandler())  # crashes are ours to tell
    children = Children()
    place = Local(config, children, inherited)

    def tell_worker(message: ToHost) -> None:
        with suppress(pykka.ActorDeadError):  # it has crashed: we are about to leave
            worker.tell(message)

    link = Link(config, tell_worker)
    worker = Worker.start(config.worker, place, link.send, ending.asked, on_crash=ending.crashed)
    children.start_reaping()
    link.start()
    threading.Thread(target=_leave_with_supervisor, name="stdin", daemon=True).start()
    logbook.info("host for {} is up", config.worker)
    next(ending.signals(), None)  # TERM, or the end
    code = 0 if ending.crash is None else EXIT_BUG
    logbook.info("host for {} leaves with {}; its attempts go on", config.worker, code)
    link.flush(_LAST_WORDS_S)
    logbook.close_logbook(_LAST_WORDS_S)
    os._exit(code)


def _forget_inherited() -> None:
    """Drop what tells a program whose child it is: a daemon may have been started by an agent, or by an attempt."""
    for name in [name for name in os.environ if name.startswith(_NOT_OURS)]:
        del os.environ[name]


def _log_crash(name: str, error: BaseException) -> None:
    logbook.error("the {} actor died:\n{}", name, "".join(traceback.format_exception(error)))


def _set_signals(ending: Ending) -> None:
    # A terminal's ctrl-C is the supervisor's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ending.listen(signal.SIGTERM)
    # Whoever started us may have ignored it; our children would then vanish unseen.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _die_with_supervisor() -> None:
    """Have the kernel KILL us when the supervisor dies, where it can: its closed pipe is no news to a stopped process.

    One that comes back after its successor has taken over would act on what it had been told before. (Sent when the
    thread ends that started us: that of the workforce, which ends with the supervisor. Attempts are not reached.)
    """
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 (nobody else needs it)

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _leave_with_supervisor() -> NoReturn:
    try:
        while os.read(0, 4096):
            pass
    finally:
        os._exit(0)
