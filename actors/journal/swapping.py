"""Putting a salvaged journal in the place of the damaged one, so that a crash at any step loses neither.

    HOME/salvage/<stamp>/journal-new    the journal that is to come
    HOME/salvage/<stamp>/aside.json     what else is to be set aside: paths below the home
    HOME/salvage/UNFINISHED             holds <stamp>, from when both of those are on disk to when all is done
    HOME/salvage/<stamp>/journal        the damaged one
    HOME/salvage/<stamp>/attempts/…     what was set aside

Two renames take the journals to their places. Between them there is none in the home, and no daemon may begin a new
one: while UNFINISHED is there none starts (`refuse_unfinished`), and the next salvage finishes this one. Each step may
be repeated. (Rejected: exchanging both folders at once, which Linux has on some file systems and macOS has otherwise.)
"""

import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from orch_actors.actors.journal.disk import Disk
from orch_actors.protocol.errors import EnvironmentFault

MARK: Final = "UNFINISHED"
NEW: Final = "journal-new"
OLD: Final = "journal"
ASIDE: Final = "aside.json"


class SalvageUnfinished(EnvironmentFault):
    """Somebody has begun one."""

    def __init__(self) -> None:
        super().__init__(
            "a salvage of the journal was interrupted",
            "finish it: orch-actors journal salvage --accept-data-loss",
        )


def refuse_unfinished(salvage: str) -> None:
    """Let no daemon start into the middle of a swap; `salvage` is the home's folder for it.

    Raises:
        SalvageUnfinished.
    """
    if os.path.lexists(os.path.join(salvage, MARK)):
        raise SalvageUnfinished


def begun(salvage: str) -> str:
    """The stamp of a swap that was interrupted; empty: there is none."""
    try:
        with open(os.path.join(salvage, MARK), encoding="ascii") as file:
            return os.path.basename(file.read().strip())
    except (FileNotFoundError, NotADirectoryError):
        return ""


def folder_for(salvage: str, stamp: str) -> str:
    """Make the folder of a swap, and take away what one left that never got as far as its mark.

    Raises:
        OSError: it cannot be made.
    """
    os.makedirs(salvage, mode=0o700, exist_ok=True)
    for name in os.listdir(salvage):
        folder = os.path.join(salvage, name)
        if os.path.isdir(os.path.join(folder, NEW)) and not os.path.isdir(os.path.join(folder, OLD)):
            shutil.rmtree(folder)
    made = os.path.join(salvage, stamp)
    os.makedirs(os.path.join(made, NEW), mode=0o700)
    return made


def commit(disk: Disk, salvage: str, stamp: str, aside: Sequence[str]) -> None:
    """The new journal is written: from here on the swap is going to happen.

    Raises:
        OSError: it is not, or not for sure.
    """
    folder = os.path.join(salvage, stamp)
    _write(disk, os.path.join(folder, ASIDE), json.dumps(list(aside)).encode())
    for made in (os.path.join(folder, NEW), folder, salvage, os.path.dirname(salvage)):
        disk.sync_folder(made)
    # Under another name first: a mark that is there is whole.
    draft = os.path.join(folder, MARK)
    _write(disk, draft, stamp.encode())
    disk.sync_folder(folder)
    disk.rename(draft, os.path.join(salvage, MARK))
    disk.sync_folder(salvage)


def finish(disk: Disk, home: str, salvage: str) -> str:
    """Carry the swap that was committed to its end; the folder where the damaged journal is kept.

    Raises:
        OSError: it is not finished; it can be tried again.
    """
    folder = os.path.join(salvage, begun(salvage))
    journal, new, old = os.path.join(home, "journal"), os.path.join(folder, NEW), os.path.join(folder, OLD)
    if os.path.isdir(new):
        if not os.path.isdir(old):
            disk.rename(journal, old)
            disk.sync_folder(folder)
        with suppress(FileNotFoundError):
            os.rmdir(journal)  # an empty one that a start has made meanwhile
        disk.rename(new, journal)
        disk.sync_folder(home)
        disk.sync_folder(folder)
    with open(os.path.join(folder, ASIDE), encoding="utf-8") as file:
        for path in json.load(file):
            _set_aside(disk, os.path.join(home, path), os.path.join(folder, path))
    disk.sync_folder(folder)
    disk.remove(os.path.join(salvage, MARK))
    disk.sync_folder(salvage)
    return folder


def _set_aside(disk: Disk, path: str, kept: str) -> None:
    if os.path.lexists(path) and not os.path.lexists(kept):
        os.makedirs(os.path.dirname(kept), mode=0o700, exist_ok=True)
        disk.rename(path, kept)
        disk.sync_folder(os.path.dirname(kept))
        disk.sync_folder(os.path.dirname(path))


def _write(disk: Disk, path: str, data: bytes) -> None:
    fd = disk.create(path)
    try:
        disk.append(fd, data)
        disk.sync(fd)
    finally:
        disk.close(fd)
