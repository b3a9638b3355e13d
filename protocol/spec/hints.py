"""Suggestions for what was probably meant: close matches, and names that other tools have for the same thing."""

import re
from collections.abc import Collection
from typing import Final

#: What other tools, and people in a hurry, call our fields.
SYNONYMS: Final = {
    "after": "depends_on",
    "argv": "command",
    "cmd": "command",
    "concurrency": "parallel",
    "dependencies": "depends_on",
    "deps": "depends_on",
    "dir": "cwd",
    "directory": "cwd",
    "environment": "env",
    "for": "foreach",
    "for_each": "foreach",
    "function": "call",
    "jobs": "tasks",
    "kind": "worker",
    "matrix": "foreach",
    "max_parallel": "parallel",
    "needs": "depends_on",
    "requires": "depends_on",
    "retries": "retry",
    "run": "command",
    "secret": "secrets",
    "steps": "tasks",
    "title": "name",
    "type": "worker",
    "variables": "env",
    "vars": "env",
    "with_items": "foreach",
    "workdir": "cwd",
    "working_dir": "cwd",
    "working_directory": "cwd",
}

#: Names beyond this are not searched for a close match: the search compares with every one.
_SEARCHED: Final = 2000


def did_you_mean(name: str, known: Collection[str]) -> str:
    """`; did you mean "retry"?`, or nothing where no known name is close."""
    meant = closest(name, known)
    return f"; did you mean `{meant}`?" if meant is not None else ""


def closest(name: str, known: Collection[str]) -> str | None:
    """The known name that was probably meant."""
    synonym = SYNONYMS.get(name.lower().replace("-", "_"))
    if synonym is not None and synonym in known:
        return synonym
    if len(name) > 100 or len(known) > _SEARCHED:
        return None
    import difflib  # noqa: PLC0415 (milliseconds that only a mistake has to pay)

    close = difflib.get_close_matches(re.sub(r"[- ]", "_", name.lower()), known, n=1, cutoff=0.6)
    close = close or difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return close[0] if close else None


def listed(names: Collection[str], limit: int = 12) -> str:
    """`a`, `b` and `c`; at most `limit` of them."""
    quoted = [f"`{name}`" for name in names]
    if len(quoted) > limit:
        return f"{', '.join(quoted[:limit])} and {len(quoted) - limit} more"
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}" if quoted else "none"
