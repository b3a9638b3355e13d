"""Files without a name: gone with their last descriptor, whoever dies."""

import os
import threading
from contextlib import suppress


def make_folder(path: str) -> None:
    """Make a folder of a home, unless it is there; but never the home itself, which somebody may have taken away.

    Raises:
        OSError: it cannot be made, or there is no home.
    """
    with suppress(FileExistsError):
        os.mkdir(path, 0o700)


def unnamed_file(folder: str) -> int:
    """A descriptor, open for reading and writing, of a file that nobody else sees.

    Raises:
        OSError: it cannot be made.
    """
    make_folder(folder)
    path = os.path.join(folder, f".unnamed-{os.getpid()}-{threading.get_ident()}")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    os.unlink(path)
    return fd
