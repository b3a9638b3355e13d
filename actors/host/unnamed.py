"""Files without a name: gone with their last descriptor, whoever dies."""

import os
import threading


def unnamed_file(folder: str) -> int:
    """A descriptor, open for reading and writing, of a file that nobody else sees.

    Raises:
        OSError: it cannot be made.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, f".unnamed-{os.getpid()}-{threading.get_ident()}")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    os.unlink(path)
    return fd
