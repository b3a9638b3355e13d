"""A small file that is there whole or not at all, written anew each time."""

import os
from contextlib import suppress


def put(path: str, data: bytes, *, synced: bool) -> None:
    """Have these bytes take the file's place; `synced`: they are on disk before.

    Raises:
        OSError: that cannot be done; what was there still is.
    """
    beside = f"{path}.part"
    with suppress(FileNotFoundError):
        os.unlink(beside)
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(data)
        file.flush()
        if synced:
            os.fsync(fd)
    os.replace(beside, path)
