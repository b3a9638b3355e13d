"""What the worker types start: is it there, and of which version. All are asked at once, each for a bounded time."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, NamedTuple

from orch_actors.actors.host.adapters.agents import INSTALL
from orch_actors.actors.host.adapters.opencode import KNOWN_VERSIONS
from orch_actors.actors.host.adapters.programs import find_program
from orch_actors.actors.host.place import CannotSpawn
from orch_actors.actors.inspection.doctor.finding import Finding, error, good, note, warning
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import Home
from orch_actors.protocol.settings import Settings, load_settings
from orch_actors.protocol.workers import WorkerSettings

#: Longest time that a program has to say its version; seconds.
_WITHIN_S: Final = 20.0

_VERSION: Final = re.compile(r"\d+\.\d+[0-9A-Za-z.+-]*")

#: Program that a kind starts where nothing else is named.
_OF_KIND: Final = {"shell": "/bin/sh", "claude": "claude", "opencode": "opencode"}


class Wanted(NamedTuple):
    """A program that a worker type starts. `named`: config.toml speaks of the type."""

    worker: str
    kind: str
    program: str
    named: bool


def look_at_programs(home: Home) -> Iterator[Finding]:
    """Those of all worker types."""
    try:
        settings = load_settings(home.config)
    except EnvironmentFault:  # which is told by itself
        settings = Settings()
    wanted = [_wanted(worker, kind, settings) for worker, kind in settings.worker_types().items()]
    interpreter = settings.defaults.get("interpreter")
    if isinstance(interpreter, str):
        wanted.append(Wanted("python", "python", interpreter, named=True))
    with ThreadPoolExecutor(max_workers=max(1, len(wanted))) as pool:
        yield from pool.map(_look, wanted)


def _wanted(worker: str, kind: str, settings: Settings) -> Wanted:
    own = settings.workers.get(worker, WorkerSettings())
    program = own.program or _OF_KIND.get(kind, sys.executable)
    if kind == "agent" and own.argv and isinstance(own.argv[0], str):
        program = own.argv[0]
    return Wanted(worker, kind, program, worker in settings.workers)


def _look(wanted: Wanted) -> Finding:
    what = f"worker {wanted.worker}"
    try:
        path = find_program(os.path.expanduser(wanted.program), os.environ, "/")
    except CannotSpawn:
        return _absent(what, wanted)
    if wanted.kind == "shell":
        return good(what, path)
    try:
        version = _version_of(path)
    except OSError as fault:
        return warning(what, f"{path} cannot be started: {fault.strerror}", "see to that file, or install it again")
    if version is None:
        return warning(what, f"{path} does not say its version within {_WITHIN_S:.0f} s", f"try: {path} --version")
    if wanted.kind == "opencode" and version and not version.startswith(tuple(KNOWN_VERSIONS)):
        known = " or ".join(f"{beginning}x" for beginning in KNOWN_VERSIONS)
        return warning(what, f"{path} is of version {version}, this worker type knows {known}", "install that one")
    return good(what, f"{path} {version}".rstrip())


def _absent(what: str, wanted: Wanted) -> Finding:
    message = f"{wanted.program} is not there, or not executable"
    if wanted.kind in {"shell", "python"}:
        return error(what, message, "install it, or name another one")
    name_it = f"name it in config.toml: [workers.{wanted.worker}] {'argv' if wanted.kind == 'agent' else 'program'}"
    hint = f"{INSTALL[wanted.kind]}; or {name_it}" if wanted.kind in INSTALL else name_it
    if wanted.named:
        return warning(what, message, hint)
    return note(what, f"{message}; it is only needed for tasks of this type", hint)


def _version_of(path: str) -> str | None:
    """What it says; empty: nothing that looks like a version; None: nothing in time. Nothing of it is left behind.

    Raises:
        OSError: it cannot be started.
    """
    with tempfile.TemporaryFile() as said:  # no pipe: what it leaves behind could hold that open
        process = subprocess.Popen(
            [path, "--version"], stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd="/", start_new_session=True
        )
        try:
            process.wait(_WITHIN_S)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        found = _VERSION.search(said.read(65536).decode(errors="replace"))
        return found[0] if found else ""
