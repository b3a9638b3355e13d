"""Reading what attempts left, for a context: bounded, of regular files alone, never waiting."""

import os
import stat

from orch_actors.actors.core.nodes import Task


def shown(task: Task, path: str) -> str:
    """The file to be read where a file that this task wrote is to be shown to somebody: one without its secrets."""
    return f"{path}.told" if task.spec.secrets else path  # written by its host; see host/blotted.py


def read_some(path: str, characters: int, tail: bool) -> str:
    """About so many characters of a file, from its beginning or its end; empty where there is nothing to be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return ""
    with open(fd, "rb", buffering=0) as file:
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                return ""
            most = 4 * characters
            if tail and found.st_size > most:
                file.seek(found.st_size - most)
            text = file.read(most).decode(errors="replace").replace("\0", "\ufffd")
        except OSError:
            return ""
    return text[-characters:] if tail else text[:characters]
