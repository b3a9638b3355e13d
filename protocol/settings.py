"""The daemon's settings: `config.toml` in the home. Unknown keys are refused, by name.

In `protocol` because both sides read the file: the daemon to obey it, the command line to check it beforehand.

output_limit = "1GB"       # most that one attempt may print
[workers.shell]
limit = 8                  # attempts of this type that may run at once
[resources]
gpu = 1                    # named capacities that tasks may claim
[defaults]
timeout = "1h"             # options that every task has unless it says otherwise
[retention]
keep = 200                 # finished graphs that are kept
older_than = "30d"         # those that ended longer ago are forgotten
"""

import os
import re
import stat
import tomllib
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from orch_actors.protocol.errors import EnvironmentFault, Refused
from orch_actors.protocol.homes import refuse_link
from orch_actors.protocol.spec.dots import too_many_dots
from orch_actors.protocol.spec.durations import parse_duration
from orch_actors.protocol.spec.parse import parse_graph
from orch_actors.protocol.spec.work import BUILT_IN
from orch_actors.protocol.workers import WorkerSettings, check_worker

#: Largest config.toml.
MAX_BYTES: Final = 1024 * 1024

_UNITS: Final = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


class Retention(Struct, frozen=True, forbid_unknown_fields=True):
    """Which finished graphs are kept; neither given: all."""

    keep: Annotated[int, Meta(ge=0)] | None = None
    #: Seconds; in the file also text such as "30d".
    older_than: Annotated[float, Meta(ge=0)] | None = None

    @property
    def bounded(self) -> bool:
        """Whether anything is ever forgotten."""
        return self.keep is not None or self.older_than is not None


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    workers: dict[str, WorkerSettings] = {}
    resources: dict[str, Annotated[float, Meta(gt=0)]] = {}
    defaults: dict[str, Any] = {}
    retention: Retention = Retention()
    #: Bytes of stdout and stderr together of one attempt; None: no bound.
    output_limit: Annotated[int, Meta(gt=0)] | None = None

    def worker_types(self) -> dict[str, str]:
        """Worker type → its kind: the built-in ones, and those that the file names."""
        return {**BUILT_IN, **{name: worker.kind for name, worker in self.workers.items() if worker.kind is not None}}

    def limits(self) -> dict[str, int]:
        """Worker type → how many attempts may run at once; by default a few more than there are processors."""
        processors = os.cpu_count() or 1
        found: dict[str, int] = {}
        for worker in self.worker_types():
            limit = self.workers.get(worker, WorkerSettings()).limit
            found[worker] = limit if limit is not None else max(4, 2 * processors)
        return found


def load_settings(path: str) -> Settings:
    """Read the file; none means defaults.

    Raises:
        EnvironmentFault: it cannot be read, is no TOML, or says something unknown.
    """
    try:
        settings = msgspec.convert(_plain(tomllib.loads(_read(path))), Settings)
    except FileNotFoundError:
        return Settings()
    except RecursionError:
        hint = "README, Configuration, shows what it may hold"
        raise EnvironmentFault(f"{path} is nested too deeply", hint) from None
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError, ValueError) as error:
        raise EnvironmentFault(
            f"{path}: {error}", "correct it; README, Configuration, shows what it may hold"
        ) from error
    for name, worker in settings.workers.items():
        check_worker(path, name, worker)
    _check_defaults(path, settings.defaults)
    return settings


def _read(path: str) -> str:
    """The file's text; of a file that is one, whose bounds keep a mistake from eating the memory.

    Raises:
        OSError, ValueError: it cannot be read, or is none.
        RecursionError: a key has too many dots.
        EnvironmentFault: it is a symbolic link.
    """
    refuse_link(path)
    # Not to wait for a writer, should it be a pipe.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError("it is no file")
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"it has more than the {MAX_BYTES} bytes that settings may have")
    text = data.decode().replace("\r\n", "\n")
    if too_many_dots(text) is not None:
        raise RecursionError
    return text


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """Sizes and durations as numbers."""
    if isinstance(document.get("output_limit"), str):
        document["output_limit"] = parse_size(document["output_limit"])
    retention = document.get("retention")
    if isinstance(retention, dict) and isinstance(retention.get("older_than"), str):
        retention["older_than"] = parse_duration(retention["older_than"])
    workers = document.get("workers")
    for worker in workers.values() if isinstance(workers, dict) else ():
        for name in ("silence", "after_result"):
            if isinstance(worker, dict) and isinstance(worker.get(name), str):
                worker[name] = parse_duration(worker[name])
    return document


def parse_size(text: str) -> int:
    """Bytes from text such as "200MB" or "1GiB".

    Raises:
        ValueError: it is none.
    """
    match = re.fullmatch(r"([0-9]+)\s*([a-z]*)", text.strip().lower())
    if match is None or match.group(2) not in _UNITS:
        raise ValueError(f'{text!r} is no size: expected bytes as a number, or text such as "200MB", "1GiB"')
    return int(match.group(1)) * _UNITS[match.group(2)]


def _check_defaults(path: str, defaults: dict[str, Any]) -> None:
    """Try them on a task, so that a mistake is told now and not with every submission."""
    probe = {"name": "defaults", "defaults": defaults, "tasks": [{"id": "probe", "command": "true"}]}
    try:
        parse_graph(probe, base_dir="/")
    except Refused as refused:
        raise EnvironmentFault(
            f"{path}: [defaults]: {refused.info.message}", "they are options of a task, as in a graph file"
        ) from refused
