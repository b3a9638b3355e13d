"""The host's log: loguru, loaded when it is first needed and not in anybody's way.

Importing loguru costs as much as starting the whole host, and most hosts have little to say. So what is logged is
put on a queue, and a thread takes loguru up a second after the first line, or at once for a warning. Text comes as a
format with arguments, so that nothing is formatted below the level.
"""

import os
import queue
import threading
import time
from typing import Any, Final

from orch_actors.actors.host.unnamed import make_folder
from orch_actors.actors.process.logfile import LogFile
from orch_actors.protocol.visible import log_entry

_LEVELS: Final = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}

_Line = tuple[float, str, str, tuple[Any, ...]]


class _Logbook:
    def __init__(self) -> None:
        self.path = ""
        self.level = 100
        self.lines: queue.SimpleQueue[_Line] = queue.SimpleQueue()
        self.urgent = threading.Event()
        self.written = threading.Condition()
        self.pending = 0
        self.started = False
        # What else the host has to say comes in there, too, and not for ever into the log that the daemon had once.
        self.file = LogFile(take_stderr=True)

    def put(self, level: str, text: str, args: tuple[Any, ...]) -> None:
        if _LEVELS[level] < self.level:
            return
        with self.written:
            self.pending += 1
            self.lines.put((time.time(), level, text, args))
            if not self.started:
                self.started = True
                threading.Thread(target=self.write, name="logbook", daemon=True).start()
        if _LEVELS[level] >= 30:
            self.urgent.set()

    def write(self) -> None:
        self.urgent.wait(1.0)
        from loguru import logger  # noqa: PLC0415 (see the module's header)

        logger.remove()
        try:
            make_folder(os.path.dirname(self.path))
            # The stamp is the line's own: loguru's would be that of the writing.
            options = self.file.options()
            logger.add(self.path, format="{message}", level="DEBUG", delay=True, diagnose=False, **options)
        except OSError:
            self.level = 100  # no log is no reason not to work
        while True:
            stamp, level, text, args = self.lines.get()
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(stamp))
            line = f"{when}.{int(stamp % 1 * 1000):03d} {level:7} [{os.getpid()}] {log_entry(text.format(*args))}"
            # As an argument: braces in the text are none of loguru's business.
            logger.log(level, "{}", line)
            with self.written:
                self.pending -= 1
                self.written.notify_all()


_BOOK: Final = _Logbook()


def open_logbook(path: str, level: str) -> None:
    """Log to `path` from now on; before, and with an unknown level, nothing is logged below WARNING."""
    _BOOK.path = path
    _BOOK.level = _LEVELS.get(level.upper(), 30)


def close_logbook(patience_s: float) -> None:
    """Wait until everything is written, for at most so long."""
    _BOOK.urgent.set()
    with _BOOK.written:
        _BOOK.written.wait_for(lambda: _BOOK.pending == 0, patience_s)


def debug(text: str, *args: Any) -> None:
    """What happens to each attempt."""
    _BOOK.put("DEBUG", text, args)


def info(text: str, *args: Any) -> None:
    """What happens to the host."""
    _BOOK.put("INFO", text, args)


def warning(text: str, *args: Any) -> None:
    """Something is odd; work goes on."""
    _BOOK.put("WARNING", text, args)


def error(text: str, *args: Any) -> None:
    """A bug of ours."""
    _BOOK.put("ERROR", text, args)
