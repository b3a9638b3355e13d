"""Walking a folder that may hold anything: odd names, unreadable files, links in a circle.

Only the standard library, and nothing of the orchestrator: this is the tasks' side. Links are never followed, so a
circle of them ends nothing. What other programs made and can make again is left out by its own marks
(a `pyvenv.cfg`, a `CACHEDIR.TAG`) or by the few names that carry none.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

#: Folders of other programs, without a mark of their own; and the reports that these scenarios leave.
LEFT_OUT_NAMES: Final = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", "orch-actors-reports"})
LEFT_OUT_MARKS: Final = frozenset({"pyvenv.cfg", "CACHEDIR.TAG"})


@dataclass(frozen=True)
class Found:
    """A regular file."""

    path: str
    #: Relative to the folder walked, fit to be shown.
    shown: str
    size: int
    #: (device, inode): two names of one file have the same.
    identity: tuple[int, int]


@dataclass
class Walk:
    """The files below a folder, in a stable order, and what could not be looked into."""

    folder: str
    #: Folders that are left out, and paths that cannot be read, fit to be shown.
    left_out: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def files(self) -> Iterator[Found]:
        """Each regular file once. A file that goes away meanwhile is no error."""
        waiting = [self.folder]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError:
                self.unreadable.append(self.shown(folder))
                continue
            if folder != self.folder and LEFT_OUT_MARKS.intersection(entry.name for entry in entries):
                self.left_out.append(self.shown(folder))
                continue
            deeper: list[str] = []
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name in LEFT_OUT_NAMES:
                            self.left_out.append(self.shown(entry.path))
                        else:
                            deeper.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        facts = entry.stat(follow_symlinks=False)
                        identity = (facts.st_dev, facts.st_ino)
                        yield Found(entry.path, self.shown(entry.path), facts.st_size, identity)
                except FileNotFoundError:
                    continue
                except OSError:
                    self.unreadable.append(self.shown(entry.path))
            waiting.extend(reversed(deeper))

    def shown(self, path: str) -> str:
        """The path below the folder, as text without control characters and lone bytes."""
        return shown(os.path.relpath(path, self.folder))


def shown(text: str) -> str:
    r"""Any file name as one line of clean text: control characters and bytes that are no UTF-8 become `\x0a`."""
    clean = os.fsencode(text).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in clean)


def looked_into(folder: str) -> Walk:
    """A walk of `folder`.

    Raises:
        NotADirectoryError: it is none, or cannot be opened; the message is for people.
    """
    if not os.path.isdir(folder):
        raise NotADirectoryError(f"{shown(folder)} is no folder: point the parameter `folder` at one")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise PermissionError(f"{shown(folder)} cannot be read: choose another folder, or its rights")
    return Walk(os.path.abspath(folder))


def hand_on(out: str, name: str, value: dict[str, Any]) -> dict[str, Any]:
    """Put a finding where the report finds it, whole or not at all: `<out>/<name>.json`. Returns it, too."""
    os.makedirs(out, exist_ok=True)
    handle, path = tempfile.mkstemp(dir=out, prefix=f".{name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
    os.replace(path, os.path.join(out, f"{name}.json"))
    return value
