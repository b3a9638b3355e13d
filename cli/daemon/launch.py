"""Starting a program that outlives us: the daemon of a home.

Double fork: the daemon is nobody's child, so a long-lived `run` leaves no zombie when it dies, and a shell that is
killed with its whole session does not take it along. It inherits nothing but the write end of the ready pipe; its
stdin is /dev/null, its stdout and stderr are the home's daemon.log, its folder is `/`; its umask stays, for the
attempts that it starts (the daemon makes its own stricter).
Not `posix_spawn`: before 3.13 it cannot close the descriptors that our own parent left open in us, and it has no
working directory; not `sh -c '… &'`: what a shell puts in the background has SIGINT ignored for good.

The answer comes through the pipe, so nothing is polled: a line that says it answers, a line that says why not, or the
end of the pipe, when it died without a word.
"""

import os
import select
import signal
import sys
import time
from typing import Final, NoReturn

from orch_actors.protocol.environment import outside_attempts

#: `-P`: the current folder is not a place to import from (its `zmq.py` is not ours).
DAEMON: Final = (sys.executable, "-P", "-m", "orch_actors.actors")

#: Longest line that is read from the ready pipe.
_MAX_LINE: Final = 1 << 20


def daemon_command(home: str, *more: str) -> list[str]:
    """The daemon's command line."""
    return [*DAEMON, "--home", home, *more]


def launch(home: str, log: str, timeout_s: float, *more: str) -> bytes | None:
    """Start the daemon of `home` in the background and wait for its line; `more` are words for it.

    Returns:
        The line; empty when it died without one; None when `timeout_s` passed (it goes on starting).

    Raises:
        OSError: it could not be started at all.
    """
    log_fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    read_end, write_end = os.pipe()
    try:
        child = os.fork()
        if child == 0:
            _in_between(daemon_command(home, "--ready-fd", str(write_end), *more), write_end, log_fd)
        os.close(write_end)
        write_end = -1
        os.waitpid(child, 0)
        return _read_line(read_end, timeout_s)
    finally:
        for fd in (read_end, write_end, log_fd):
            if fd >= 0:
                os.close(fd)


def _in_between(command: list[str], ready_fd: int, log_fd: int) -> NoReturn:
    """The child: forks the daemon and goes at once."""
    try:
        if os.fork() == 0:
            _become(command, ready_fd, log_fd)
    finally:
        os._exit(0)


def _become(command: list[str], ready_fd: int, log_fd: int) -> NoReturn:
    """The grandchild: sheds what it inherited and becomes the daemon. Any failure is the pipe's end to our parent."""
    try:
        os.setsid()
        os.chdir("/")
        null = os.open(os.devnull, os.O_RDWR)
        for target, source in ((0, null), (1, log_fd), (2, log_fd)):
            os.dup2(source, target)
        _close_but(ready_fd)
        os.set_inheritable(ready_fd, True)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.execve(command[0], command, outside_attempts(os.environ))  # noqa: S606 (no shell is wanted)
    finally:
        os._exit(127)


def _close_but(keep: int) -> None:
    for name in os.listdir("/dev/fd"):
        fd = int(name)
        if fd > 2 and fd != keep:
            try:
                os.close(fd)
            except OSError:
                continue  # the listing's own


def _read_line(fd: int, timeout_s: float) -> bytes | None:
    deadline_at = time.monotonic() + timeout_s
    line = b""
    poller = select.poll()
    poller.register(fd, select.POLLIN | select.POLLHUP)
    while not line.endswith(b"\n") and len(line) < _MAX_LINE:
        left_s = deadline_at - time.monotonic()
        if left_s <= 0 or not poller.poll(left_s * 1000):
            return None
        piece = os.read(fd, 65536)
        if not piece:
            break
        line += piece
    return line
