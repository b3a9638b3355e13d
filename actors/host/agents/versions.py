"""Which version of an agent's program is there: asked once for each file, since some take seconds to say it."""

import json
import os
import re
import subprocess
from typing import Final

from orch_actors.actors.host.agents.job import Job

#: Longest time that a program has to say its version.
_WITHIN_S: Final = 30.0

_VERSION: Final = re.compile(r"\d+\.\d+[0-9A-Za-z.+-]*")


def version_fault(job: Job) -> str:
    """Why the job's program is of no version that is known here; empty: it is, or nobody asks.

    Raises:
        OSError: it cannot be started.
    """
    if not job.versions:
        return ""
    version = _version_of(job.argv[0], job.cache)
    if not version or version.startswith(tuple(job.versions)):
        return ""
    known = " or ".join(f"{beginning}x" for beginning in job.versions)
    return f"{job.argv[0]} is of version {version}, this worker type knows {known}: install that one"


def _version_of(program: str, cache: str) -> str:
    found = os.stat(program)
    mark = f"{program}:{found.st_mtime_ns}:{found.st_size}"
    known = _read(cache)
    if mark not in known:
        known[mark] = _ask(program)
        _write(cache, known)
    return known[mark]


def _ask(program: str) -> str:
    try:
        said = subprocess.run(
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        return ""
    match = _VERSION.search(said.stdout.decode(errors="replace"))
    return match[0] if match else ""


def _read(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            known = json.load(file)
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(path: str, known: dict[str, str]) -> None:
    """Several may write it at once: one of them wins, and what is lost is asked again."""
    draft = f"{path}.{os.getpid()}"
    with open(draft, "w", encoding="utf-8") as file:
        json.dump(known, file)
    os.replace(draft, path)
