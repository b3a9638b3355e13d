"""A small file system of a round's own, that can be filled: a tmpfs that only its daemons see.

It is mounted in a namespace of its own, which a waiting process holds: nothing is mounted for anybody else, and it is
gone with that process. Daemons enter it by `nsenter`; from outside, its files are seen through /proc. The sockets lie
elsewhere, since clients must reach them by their paths: so a home on it has a path that is too long for a socket's
(protocol/homes.py), and its sockets are in the folder for such homes.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from typing import Final, Self

from orch_actors.protocol.errors import EnvironmentFault

#: Room for the ballast, a journal, and what some hundred attempts leave.
SIZE: Final = "48m"

#: Longer than a socket's path may be.
DEEP: Final = os.path.join("deep" * 25, "home")

_FILLING: Final = "filling"
_MOUNT: Final = f'mount -t tmpfs -o size={SIZE},mode=700 none "$1" && echo mounted && exec cat'


def possible() -> bool:
    """Whether this machine lets us have one."""
    programs = ("unshare", "nsenter", "mount", "cat")
    return sys.platform == "linux" and os.geteuid() == 0 and all(map(shutil.which, programs))


class SmallDisk:
    """See the module. Mounted from `with` to its end."""

    def __init__(self, path: str) -> None:
        """`path`: an existing, empty folder that it covers."""
        self._path: Final = path

    def __enter__(self) -> Self:
        """Mount it.

        Raises:
            EnvironmentFault: the system does not let us.
        """
        command = ["unshare", "--mount", "sh", "-c", _MOUNT, "sh", self._path]
        self._holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None  # noqa: S101 (it was asked for)
        if self._holder.stdout.readline() != b"mounted\n":
            self.__exit__()
            raise EnvironmentFault("a file system of one's own cannot be mounted here", "run it where root may", 111)
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.communicate()

    @property
    def within(self) -> tuple[str, ...]:
        """What a command is begun with that is to see it."""
        return ("nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "--wd=/")

    def inside(self, *parts: str) -> str:
        """The path, from outside, of something on it."""
        return os.path.join(f"/proc/{self._holder.pid}/root{self._path}", *parts)

    def fill(self) -> int:
        """Write until there is no room; how many bytes that were."""
        with open(self.inside(_FILLING), "ab", buffering=0) as file:
            for size in (1 << 20, 1 << 16, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)):
                        continue
            return file.tell()

    def free(self) -> None:
        """Give that room back."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.inside(_FILLING))
