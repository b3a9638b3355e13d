"""Two tasks of the pilot, for the python worker: lines by language, and files of equal content.

Only the standard library. Each function returns its finding (the task's result) and leaves it in the output folder.
"""

import hashlib
import os
from collections import defaultdict
from typing import Any, Final

from orch_actors.stress.scenarios.pilot.folders import Found, hand_on, looked_into

LANGUAGES: Final = {
    ".bash": "Shell", ".c": "C", ".cc": "C++", ".cpp": "C++", ".cs": "C#", ".css": "CSS", ".go": "Go", ".h": "C",
    ".hpp": "C++", ".html": "HTML", ".java": "Java", ".js": "JavaScript", ".json": "JSON", ".jsx": "JavaScript",
    ".kt": "Kotlin", ".lua": "Lua", ".md": "Markdown", ".mjs": "JavaScript", ".php": "PHP", ".pl": "Perl",
    ".py": "Python", ".pyi": "Python", ".r": "R", ".rb": "Ruby", ".rs": "Rust", ".rst": "reStructuredText",
    ".scala": "Scala", ".sh": "Shell", ".sql": "SQL", ".swift": "Swift", ".tex": "TeX", ".toml": "TOML",
    ".ts": "TypeScript", ".tsx": "TypeScript", ".txt": "Text", ".xml": "XML", ".yaml": "YAML", ".yml": "YAML",
    ".zig": "Zig",
}  # fmt: skip

#: Bytes read at a time.
PIECE: Final = 1 << 20

#: Groups of equal files that are handed on; the rest is only counted.
MOST_GROUPS: Final = 200


def languages(folder: str, out: str) -> dict[str, Any]:
    """Files, lines and lines that are not blank, for each language known by its suffix; most lines first."""
    walk = looked_into(folder)
    table: dict[str, dict[str, int]] = defaultdict(lambda: {"files": 0, "lines": 0, "filled": 0, "bytes": 0})
    other = 0
    for found in walk.files():
        language = LANGUAGES.get(os.path.splitext(found.path)[1].lower())
        if language is None:
            other += 1
            continue
        try:
            lines, filled = _count_lines(found.path)
        except OSError:
            walk.unreadable.append(found.shown)
            continue
        row = table[language]
        row["files"] += 1
        row["lines"] += lines
        row["filled"] += filled
        row["bytes"] += found.size
    rows = [{"language": name, **row} for name, row in sorted(table.items(), key=lambda x: (-x[1]["lines"], x[0]))]
    value = {"languages": rows, "other_files": other, "left_out": walk.left_out, "unreadable": walk.unreadable}
    return hand_on(out, "languages", value)


def _count_lines(path: str) -> tuple[int, int]:
    """Lines, and those with more than white space; a last line without its newline counts."""
    lines = filled = 0
    with open(path, "rb") as file:
        # readline with a bound: one endless line does not fill the memory.
        fresh = True
        seen = False
        while piece := file.readline(PIECE):
            lines += fresh
            seen = (False if fresh else seen) or bool(piece.strip())
            fresh = piece.endswith(b"\n")
            if fresh:
                filled += seen
        if not fresh:
            filled += seen
    return lines, filled


def duplicates(folder: str, out: str) -> dict[str, Any]:
    """Groups of files with the same content, those that waste most first. Empty files and hard links are none.

    Only files of equal size are read: first their beginning, then, where that is equal, the whole (SHA-256).
    """
    walk = looked_into(folder)
    by_size: dict[int, dict[tuple[int, int], Found]] = defaultdict(dict)
    for found in walk.files():
        if found.size:
            by_size[found.size].setdefault(found.identity, found)
    groups: list[list[Found]] = []
    for same_size in by_size.values():
        for same_head in _grouped(list(same_size.values()), 4096, walk.unreadable):
            groups.extend(_grouped(same_head, None, walk.unreadable))
    groups.sort(key=lambda group: (-group[0].size * (len(group) - 1), group[0].shown))
    value = {
        "groups": [{"bytes": group[0].size, "files": [f.shown for f in group]} for group in groups[:MOST_GROUPS]],
        "group_count": len(groups),
        "wasted_bytes": sum(group[0].size * (len(group) - 1) for group in groups),
        "left_out": walk.left_out,
        "unreadable": sorted(set(walk.unreadable)),
    }
    return hand_on(out, "duplicates", value)


def _grouped(files: list[Found], head: int | None, unreadable: list[str]) -> list[list[Found]]:
    """Those of `files` that share their first `head` bytes (None: all) with another."""
    if len(files) < 2:
        return []
    groups: dict[bytes, list[Found]] = defaultdict(list)
    for found in files:
        try:
            groups[_digest(found.path, head)].append(found)
        except OSError:
            unreadable.append(found.shown)
    return [group for group in groups.values() if len(group) > 1]


def _digest(path: str, head: int | None) -> bytes:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        if head is not None:
            digest.update(file.read(head))
        else:
            while piece := file.read(PIECE):
                digest.update(piece)
    return digest.digest()
