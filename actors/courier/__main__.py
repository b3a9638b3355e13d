"""`python -m orch_actors.actors.courier HOME SINCE`: started by the daemon, ends with it. A consumer that is not there
yet begins after event SINCE; empty: with what comes from now on.

Its stdin is a pipe that the daemon holds open: when that ends, however the daemon died, so does this process, at once.
A lock keeps two of one home apart, should an old one be slow to go.
"""

import fcntl
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from loguru import logger

from orch_actors.actors.courier.bell import Bell
from orch_actors.actors.courier.callbacks import CallbackLoop
from orch_actors.actors.courier.files import GraphFiles, HomeFiles
from orch_actors.actors.courier.graphs import GraphCallbacks
from orch_actors.actors.courier.troubles import Troubles
from orch_actors.actors.host.unnamed import make_folder
from orch_actors.actors.process.leaving import leave_with_stdin
from orch_actors.actors.process.logfile import LogFile
from orch_actors.protocol.callbacks import CONSUMER_PREFIX, consumer_of
from orch_actors.protocol.client import Client
from orch_actors.protocol.homes import HOME_VARIABLE, Home
from orch_actors.protocol.settings import Settings, load_settings
from orch_actors.protocol.visible import log_entry

if TYPE_CHECKING:
    import loguru


def main() -> NoReturn:
    """Serve until stdin ends."""
    if len(sys.argv) != 3:
        sys.stderr.write("usage: python -m orch_actors.actors.courier HOME SINCE (started by the daemon)\n")
        sys.exit(2)
    os.umask(0o077)
    home = Home(sys.argv[1])
    _log_to(os.path.join(home.path, "logs", "courier.log"))
    leave_with_stdin(0)
    make_folder(home.courier)
    lock = os.open(os.path.join(home.courier, "lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.environ[HOME_VARIABLE] = home.path  # for what it runs
    settings = load_settings(home.config)
    with Client(home.path) as client:
        welcome = client.hello()
        journal, since = welcome.journal, int(sys.argv[2] or welcome.head)
        _forget_others(client, settings)
    bell, troubles = Bell(home.path), Troubles(home.troubles)
    loops: list[Callable[[], None]] = [
        CallbackLoop(name, one, home.path, bell, troubles, journal=journal, since=since).run
        for name, one in settings.callbacks.items()
    ]
    loops += [bell.run, GraphCallbacks(home.path, journal, bell, troubles).run]
    loops.append(GraphFiles(home, journal, bell, troubles).run)
    if settings.files.inbox:
        loops.append(HomeFiles(home, journal, since, bell, troubles).run)
    logger.info("up: pid {}, {} callbacks{}", os.getpid(), len(settings.callbacks), ", files" * settings.files.inbox)
    threads = [threading.Thread(target=_run, args=(loop,), name=f"loop-{at}") for at, loop in enumerate(loops)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(0)


def _run(loop: Callable[[], None]) -> None:
    """Run a loop; with the first that ends, the process does, and the daemon starts another."""
    try:
        loop()
    except Exception as error:  # noqa: BLE001 (an entry point of a thread)
        logger.error("{}: {}", type(error).__name__, error)
        os._exit(1)


def _forget_others(client: Client, settings: Settings) -> None:
    """Callbacks that are in the settings no more need no events kept for them."""
    known = {consumer_of(name) for name in settings.callbacks}
    gone = [one.name for one in client.consumers().consumers if one.name.startswith(CONSUMER_PREFIX)]
    gone = [name for name in gone if name not in known]
    if gone:
        client.forget_consumers(gone)


def _log_to(path: str) -> None:
    make_folder(os.path.dirname(path))
    logger.remove()
    logger.configure(patcher=_make_visible)
    logger.add(
        path, level=os.environ.get("ORCH_ACTORS_LOG", "INFO"), diagnose=False, **LogFile(take_stderr=True).options()
    )


def _make_visible(record: "loguru.Record") -> None:
    """What targets say comes from outside."""
    record["message"] = log_entry(record["message"])


if __name__ == "__main__":
    main()
