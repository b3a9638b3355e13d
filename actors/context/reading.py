"""Reading what attempts left, for a context: bounded, of regular files alone, never waiting."""

import os
import stat
from typing import Final

from orch_actors.actors.core.nodes import Task

#: What its host leaves beside the files of an attempt with secrets; see host/blotted.py.
_TOLD: Final = ".told"


def shown(task: Task, path: str) -> str:
    """The file to be read where a file that this task wrote is to be shown to somebody: one without its secrets."""
    return f"{path}{_TOLD}" if task.spec.secrets else path


def read_some(path: str, characters: int, tail: bool) -> str:
    """About so many characters of a file, from its beginning or its end; empty where there is nothing to be read.

    Where there is a copy of it without secrets, that is read: its task had some then, whatever it has now.
    """
    fd = _open(path + _TOLD) if not path.endswith(_TOLD) else None
    fd = _open(path) if fd is None else fd
    if fd is None:
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


def _open(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
