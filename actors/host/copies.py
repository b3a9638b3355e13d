"""Copies of what an attempt left: kept beside its other files, so that what comes after it gets what it was.

It knows folders and files, and nothing of attempts. A copy stands under `<stem>.left` where its file stood under the
attempt's folder, so that what belongs together stays so; what is elsewhere stands under its whole path, below `_`. It
is nobody's to write to (0400, 0500 for programs); it goes with its graph. A folder that is there is an unfinished one,
of a host that died, and goes first.
"""

import os
import shutil
import stat
from contextlib import suppress
from typing import Final

#: Below the folder of copies, what was not below the attempt's own.
_ELSEWHERE: Final = "_"


class Copies:
    """Those of one attempt."""

    def __init__(self, folder: str, cwd: str, most_bytes: int) -> None:
        self._folder: Final = folder
        self._cwd: Final = cwd
        #: How much they may have together.
        self.most_bytes: Final = most_bytes

    def begin(self) -> None:
        """Make an empty folder. Raises OSError."""
        self.forget()
        os.mkdir(self._folder, 0o700)

    def forget(self) -> None:
        """Remove what there is, as far as that can be done."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._folder)

    def place_of(self, path: str) -> str:
        """Where the copy of a file is."""
        inside = os.path.relpath(path, self._cwd)
        if inside == os.pardir or inside.startswith(os.pardir + os.sep):
            inside = os.path.join(_ELSEWHERE, path.lstrip(os.sep))
        return os.path.join(self._folder, inside)

    def create(self, path: str, seen: os.stat_result) -> tuple[str, int]:
        """The place of a file's copy, and a descriptor to write it. Raises OSError."""
        place = self.place_of(path)
        os.makedirs(os.path.dirname(place), 0o700, exist_ok=True)
        fd = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.fchmod(fd, 0o500 if seen.st_mode & stat.S_IXUSR else 0o400)
        return place, fd
