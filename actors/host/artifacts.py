"""What an attempt promised to leave, and left: the files that its `artifacts` name, each with its SHA-256 and size.

It knows folders and files, and nothing of attempts. What is handed on is a reference: where the file is, and what was
in it then; so whoever comes later can tell whether it still is what was handed on. Where copies are wanted they are
made in the same pass (copies.py), and the reference is to the copy: what was hashed is what was written.

A pattern is relative to the attempt's folder. One that is there as it is written is taken as it stands, whatever is in
its name; otherwise `*`, `?` and `[…]` stand for what they do in a shell (names with a dot in front not among them), and
`**` for any folders, itself through none that is a symbolic link: those may lead in circles. What a pattern finds
counts where it is a regular file, or a link to one. As of a target of make, a promise that is not kept is a failure.

All of it is bounded, since somebody else's program made what is looked at: how many entries are, how many files and
bytes are taken, and how long their names are, which are written down. Nothing waits: pipes and devices are not opened.
It runs in the thread of a validation and asks `heed` between two pieces, so that a stop need not wait for a large file.

Rejected: glob.glob (it cannot be stopped, and walks a tree of links as often as there are ways through it); copies that
nobody asked for (gigabytes).
"""

import fnmatch
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from orch_actors.actors.host.copies import Copies
from orch_actors.actors.process.no_room import is_no_room
from orch_actors.protocol.views import Artifact

#: Files of one attempt, bytes in them together, and bytes of their paths together.
MOST_FILES: Final = 200
MOST_BYTES: Final = 16 * 1024**3
MOST_PATH_BYTES: Final = 64 * 1024

#: Entries of folders that are looked at.
MOST_LOOKED_AT: Final = 100_000

_PIECE_BYTES: Final = 1 << 20
_SHOWN: Final = 200
_SPECIAL: Final = re.compile(r"[*?[]")

#: What no path in a message may hold: control characters, and what Python reads bytes as that are no UTF-8.
_UNTOLD: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

#: Raises what the looking is to end with.
Heed = Callable[[], None]


class NotKept(Exception):
    """A promised file is not there, or cannot be handed on; the text says which, and why."""


def collect(cwd: str, patterns: Iterable[str], heed: Heed, copies: Copies | None = None) -> tuple[Artifact, ...]:
    """All files that the patterns name, each once, in their order; what one pattern finds, by name.

    Args:
        cwd: what they are relative to.
        patterns: paths, or patterns of paths.
        heed: is asked between two pieces.
        copies: where copies are to be made; whatever ends it early, nothing is left there.

    Raises:
        NotKept: one finds no file, or all of them are too many or too large.
    """
    looking = _Looking(heed)
    found: dict[str, os.stat_result] = {}
    for pattern in patterns:
        try:
            matches = looking.files(cwd, pattern)
        except (OSError, ValueError) as error:
            why = (error.strerror or error) if isinstance(error, OSError) else error
            raise NotKept(f"artifact {_shorten(pattern)} cannot be looked at: {why}") from None
        found.update(matches)
        _check_bounds(found)
    if copies is None:
        return tuple([_reference(path, seen, heed) for path, seen in found.items()])
    return _copied(found, heed, copies)


def _copied(found: dict[str, os.stat_result], heed: Heed, copies: Copies) -> tuple[Artifact, ...]:
    total = sum(seen.st_size for seen in found.values())
    if total > copies.most_bytes:
        raise NotKept(
            f"artifacts have {total:,} bytes, and at most {copies.most_bytes:,} are copied: leave `copy` out, "
            "or raise copies_limit in config.toml"
        )
    whole = False
    try:
        copies.begin()
        made = tuple([_reference(path, seen, heed, copies) for path, seen in found.items()])
        whole = True
        return made
    except OSError as error:
        why = "the disk is full" if is_no_room(error) else error.strerror or error
        raise NotKept(f"artifacts cannot be copied: {why}") from None
    finally:
        if not whole:
            copies.forget()


def _check_bounds(found: dict[str, os.stat_result]) -> None:
    if len(found) > MOST_FILES:
        raise NotKept(f"artifacts are more than {MOST_FILES} files: pack them into one")
    if sum(len(os.fsencode(path)) for path in found) > MOST_PATH_BYTES:
        raise NotKept(f"the paths of artifacts have more than {MOST_PATH_BYTES:,} bytes together: pack them into one")
    total = sum(seen.st_size for seen in found.values())
    if total > MOST_BYTES:
        raise NotKept(f"artifacts have {total:,} bytes: at most {MOST_BYTES:,} are taken")


class _Looking:
    """One attempt's."""

    def __init__(self, heed: Heed) -> None:
        self._heed = heed
        self._left = MOST_LOOKED_AT

    def files(self, cwd: str, pattern: str) -> dict[str, os.stat_result]:
        """What a pattern finds; at least one file. Raises NotKept, OSError, ValueError."""
        root, parts = "/" if pattern.startswith("/") else cwd, _parts(pattern)
        whole = os.path.join(root, *parts)
        if os.path.lexists(whole) or not _SPECIAL.search(pattern):
            return {whole: _look_at(whole, pattern)}
        found: dict[str, os.stat_result] = {}
        for path in self._walk(root, [*parts, "*"] if parts[-1] == "**" else parts):
            seen = _regular(path)
            if seen is not None:
                found[path] = seen
            if len(found) > MOST_FILES:
                break  # too many; see _check_bounds
        if not found:
            raise NotKept(f"artifact {_shorten(pattern)} matches no file")
        return {path: found[path] for path in sorted(found)}

    def _walk(self, root: str, parts: list[str]) -> Iterator[str]:
        """Paths that match, some of them twice; with a stack of its own: trees may be deeper than Python's."""
        stack = [(root, 0)]
        while stack:
            folder, at = stack.pop()
            part, last = parts[at], at + 1 == len(parts)
            if part == "**":
                stack.append((folder, at + 1))
                stack += [
                    (entry.path, at)
                    for entry in self._entries(folder)
                    if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
                ]
            elif not _SPECIAL.search(part):
                path = os.path.join(folder, part)
                if last and os.path.lexists(path):
                    yield path
                elif not last:
                    stack.append((path, at + 1))
            else:
                matches = re.compile(fnmatch.translate(part)).match
                for entry in self._entries(folder):
                    if matches(entry.name) and (part.startswith(".") or not entry.name.startswith(".")):
                        if last:
                            yield entry.path
                        elif entry.is_dir():
                            stack.append((entry.path, at + 1))

    def _entries(self, folder: str) -> Iterator["os.DirEntry[str]"]:
        self._heed()
        try:
            entries = os.scandir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        with entries:
            for entry in entries:
                self._left -= 1
                if self._left < 0:
                    raise NotKept(
                        f"artifacts: more than {MOST_LOOKED_AT:,} files would be looked at: name fewer folders"
                    )
                yield entry


def _parts(pattern: str) -> list[str]:
    """Between the slashes. `..` stays: through a link it leads elsewhere than its text says."""
    parts: list[str] = []
    for part in pattern.split("/"):
        if part not in ("", ".") and not (part == "**" and parts[-1:] == ["**"]):
            parts.append(part)
    return parts


def _look_at(path: str, pattern: str) -> os.stat_result:
    try:
        seen = os.stat(path)
    except FileNotFoundError:
        raise NotKept(f"artifact {_shorten(pattern)} is not there") from None
    if stat.S_ISDIR(seen.st_mode):
        raise NotKept(f"artifact {_shorten(pattern)} is a folder: name its files, such as {_shorten(pattern)}/**")
    if not stat.S_ISREG(seen.st_mode):
        raise NotKept(f"artifact {_shorten(pattern)} is no regular file")
    return seen


def _regular(path: str) -> os.stat_result | None:
    try:
        seen = os.stat(path)
    except OSError:  # a link to nothing, or in a circle: no file
        return None
    return seen if stat.S_ISREG(seen.st_mode) else None


def _reference(path: str, seen: os.stat_result, heed: Heed, copies: Copies | None = None) -> Artifact:
    """Raises NotKept; OSError where its copy cannot be made."""
    shown = _shorten(path)
    if _UNTOLD.search(path):
        raise NotKept(f"artifact {shown!a} has a name that is no line of UTF-8: it cannot be written down")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NotKept(f"artifact {shown} cannot be read: {error.strerror or error}") from None
    if copies is None:
        return Artifact(path=path, sha256=_digest(path, fd, seen, heed), size=seen.st_size)
    try:
        place, into = copies.create(path, seen)
    except OSError:
        os.close(fd)
        raise
    try:
        return Artifact(path=place, sha256=_digest(path, fd, seen, heed, into), size=seen.st_size, source=path)
    finally:
        os.close(into)


def _digest(path: str, fd: int, seen: os.stat_result, heed: Heed, into: int | None = None) -> str:
    """The digest of what is read, and written to `into`; closes `fd`.

    Raises:
        NotKept: it cannot be read, or it is not the file, or not the content, that was seen.
        OSError: it cannot be written.
    """
    digest = hashlib.sha256()
    try:
        while piece := _read(path, fd):
            digest.update(piece)
            if into is not None:
                _write(into, piece)
            heed()
            if _marks(os.fstat(fd)) != _marks(seen):
                break
        if _marks(os.fstat(fd)) != _marks(seen):
            raise NotKept(f"artifact {_shorten(path)} changed while it was read: something still writes to it")
    finally:
        os.close(fd)
    return digest.hexdigest()


def _read(path: str, fd: int) -> bytes:
    try:
        return os.read(fd, _PIECE_BYTES)
    except OSError as error:
        raise NotKept(f"artifact {_shorten(path)} cannot be read: {error.strerror or error}") from None


def _write(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def _marks(seen: os.stat_result) -> tuple[int, ...]:
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
