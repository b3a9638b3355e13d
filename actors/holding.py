"""A home's lock: who holds it may write there, and there is one at a time."""

import contextlib
import fcntl
import os
from collections.abc import Iterator

from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import Home


class HomeInUse(EnvironmentFault):
    """Another daemon holds the home's lock."""

    def __init__(self, home: str) -> None:
        super().__init__(f"another daemon serves {home}", "use it as it is, or choose another --home", 111)


@contextlib.contextmanager
def holding(home: Home) -> Iterator[int]:
    """Hold the home's lock; before anything is bound, since a second bind silently steals an ipc path. Its descriptor.

    Raises:
        HomeInUse: somebody else holds it.
        EnvironmentFault: the lock file cannot be opened, or not locked.
    """
    try:
        fd = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot open {home.lock}: {error.strerror or error}", "see to that file, or choose another --home"
        ) from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HomeInUse(home.path) from error
        except OSError as error:
            raise EnvironmentFault(
                f"cannot lock {home.lock}: {error.strerror or error}", "choose a --home on a file system with locks"
            ) from error
        with contextlib.suppress(OSError):  # whose it is, for people: with a full disk it is ours all the same
            os.ftruncate(fd, 0)
            os.write(fd, f"{os.getpid()}\n".encode())
        yield fd
    finally:
        os.close(fd)
