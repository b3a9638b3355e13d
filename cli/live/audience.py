"""A verb that goes on for as long as things happen ends when nobody reads it any more, as `| head` does.

A write to a pipe without a reader tells so, but only when there is something to write: of a graph that waits for hours
nothing comes for hours. So whoever follows also watches the pipe itself. One thread, asleep until the reader goes.

Rejected: looking at every heartbeat (following a log has none); a signal that raises in the main thread (it may be in
the middle of anything, and there is nothing to put away: the graph is the daemon's, and what is not acknowledged comes
again).
"""

import os
import select
import stat
import sys
import threading
from typing import TextIO

from orch_actors.cli.faults import BROKEN_PIPE


def leave_with_the_reader(stream: TextIO | None = None) -> None:
    """From now on, end this process when the reader of its stdout goes; where that is no pipe, do nothing.

    Where stdout was closed from the beginning (`>&-`), and is what the verb is for, call `must_have_a_reader`, too.
    """
    out = sys.stdout if stream is None else stream
    try:
        fd = out.fileno()
        mode = os.fstat(fd).st_mode
    except (OSError, ValueError, AttributeError):  # closed, or no file
        return
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        threading.Thread(target=_watch, args=(fd,), name="audience", daemon=True).start()


def must_have_a_reader() -> None:
    """Hold that somebody can read what is going to be written.

    Raises:
        BrokenPipeError: our parent has closed stdout.
    """
    if sys.__stdout__ is None:
        raise BrokenPipeError


def _watch(fd: int) -> None:
    poller = select.poll()
    poller.register(fd, 0)  # errors and the other end's going are always told
    poller.poll()
    os._exit(BROKEN_PIPE)
