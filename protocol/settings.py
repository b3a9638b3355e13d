"""The daemon's settings: `config.toml` in the home. Unknown keys are refused, by name.

In `protocol` because both sides read the file: the daemon to obey it, the command line to check it beforehand.

output_limit = "1GB"       # most that one attempt may print
copies_limit = "1GiB"      # most that is kept of one attempt's artifacts (artifacts: {copy: true})
[workers.shell]
limit = 8                  # attempts of this type that may run at once
[resources]
gpu = 1                    # named capacities that tasks may claim
[defaults]
timeout = "1h"             # options that every task has unless it says otherwise
[retention]
keep = 1000                # the newest so many finished graphs are kept; "all": all of them
tasks = 50_000             # … and so many tasks of them, but always the newest graph; "all"
older_than = "30d"         # those that ended longer ago are forgotten
events = 1_000_000         # newest events that are kept for readers
unread = 10_000_000        # … and at the most for consumers that have not acknowledged them
[hosts]
deaths = 6                 # so many deaths of a worker type's host …
within = "1m"              # … in this time park the type
patience = "30s"           # a host that gives no sign of life for so long is replaced
[nesting]
depth = 3                  # graphs that tasks submit may submit graphs, so deep
graphs = 100               # and so many in all from inside one graph
[listen]
tcp = "tcp://127.0.0.1:7447"   # for clients with a key (`orch-actors keys`); events on the next port
[files]
inbox = true               # lines appended to inbox.jsonl are requests (docs/other-languages.md)
[callbacks.mail]           # what is told to whom: callbacks.py
command = "…"
"""

import os
import stat
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from orch_actors.protocol.callbacks import FileSettings, settings_faults
from orch_actors.protocol.errors import EnvironmentFault, Problem, Refused
from orch_actors.protocol.homes import refuse_link
from orch_actors.protocol.listen import Listen
from orch_actors.protocol.spec.durations import Duration
from orch_actors.protocol.spec.from_toml import read_toml, toml_places
from orch_actors.protocol.spec.graph import Callback
from orch_actors.protocol.spec.parse import parse_graph
from orch_actors.protocol.spec.places import where
from orch_actors.protocol.spec.shapes import record
from orch_actors.protocol.spec.sizes import Size
from orch_actors.protocol.spec.syntax import SyntaxFault
from orch_actors.protocol.spec.work import BUILT_IN, KINDS
from orch_actors.protocol.workers import WorkerSettings, worker_faults

#: Largest config.toml.
MAX_BYTES: Final = 1024 * 1024

_HINT: Final = "correct it; README, Configuration, shows what it may hold"


class Retention(Struct, frozen=True, forbid_unknown_fields=True):
    """Which finished graphs are kept, and how many events, for those who come late.

    Bounded by default, or a daemon that is left alone for a year would grow for a year. Each bound stands by itself.
    """

    #: The newest so many.
    keep: Annotated[int, Meta(ge=0)] | Literal["all"] = 1000
    #: Of the newest, so many tasks together; the newest graph is kept, however large it is.
    tasks: Annotated[int, Meta(ge=1)] | Literal["all"] = 50_000
    #: None that ended longer ago; None: however long ago.
    older_than: Duration | None = None
    #: The newest so many are kept for everybody; files of the journal with older ones go.
    events: Annotated[int, Meta(ge=0)] = 1_000_000
    #: So many at the most are kept for named consumers that have not acknowledged them.
    unread: Annotated[int, Meta(ge=0)] = 10_000_000

    @property
    def bounded(self) -> bool:
        """Whether anything is ever forgotten."""
        return (self.keep, self.tasks, self.older_than) != ("all", "all", None)

    @property
    def most_graphs(self) -> int | None:
        """`keep` as a number; None: no bound."""
        return self.keep if isinstance(self.keep, int) else None

    @property
    def most_tasks(self) -> int | None:
        """`tasks` as a number; None: no bound."""
        return self.tasks if isinstance(self.tasks, int) else None


class HostSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How much is put up with from worker hosts."""

    #: So many deaths of one type's hosts …
    deaths: Annotated[int, Meta(ge=1, le=1_000_000)] = 6
    #: … within this time park the type.
    within: Duration = 60.0
    #: A host that gives no sign of life for so long is ended, and replaced.
    patience: Duration = 30.0


class Nesting(Struct, frozen=True, forbid_unknown_fields=True):
    """How far tasks may submit graphs, whose tasks submit graphs, …"""

    #: So deep; 0: not at all.
    depth: Annotated[int, Meta(ge=0, le=100)] = 3
    #: So many, at any depth, from inside one graph that came from outside, as long as they are not forgotten.
    graphs: Annotated[int, Meta(ge=0, le=1_000_000)] = 100


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    workers: dict[str, WorkerSettings] = {}
    resources: dict[str, Annotated[float, Meta(gt=0)]] = {}
    defaults: dict[str, Any] = {}
    retention: Retention = Retention()
    hosts: HostSettings = HostSettings()
    listen: Listen = Listen()
    nesting: Nesting = Nesting()
    files: FileSettings = FileSettings()
    callbacks: dict[str, Callback] = {}
    #: Bytes of stdout and stderr together of one attempt; None: no bound.
    output_limit: Size | None = None
    #: Bytes of the copies of one attempt's artifacts, where a task wants copies.
    copies_limit: Size = 1024**3

    @property
    def need_courier(self) -> bool:
        """Whether there is anything for the process that serves files and callbacks to do."""
        return self.files.inbox or bool(self.callbacks)

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


_SHAPE: Final = record(Settings)
_WORKER: Final = record(WorkerSettings)
_HOSTS: Final = record(HostSettings)
_CALLBACK: Final = record(Callback)

#: Of the times in [hosts].
LEAST_S: Final = 1.0


def load_settings(path: str) -> Settings:
    """Read the file; none means defaults.

    Raises:
        EnvironmentFault: it cannot be read, is no TOML, or says something unknown; with all its problems.
    """
    try:
        text = _read(path)
        document: dict[str, Any] = read_toml(text)  # type: ignore[assignment]  # TOML has tables at its top
    except FileNotFoundError:
        return Settings()
    except SyntaxFault as fault:
        raise _fault(path, list(fault.problems)) from fault
    except (OSError, ValueError) as error:
        raise EnvironmentFault(f"{path}: {error}", _HINT) from error
    problems = [Problem(where=where(place), message=message) for place, message in _SHAPE.faults(document, ())]
    problems += _of_workers(document, problems)
    problems += _of_hosts(document, problems)
    problems += _of_listen(document, problems)
    problems += _of_callbacks(document, problems)
    problems += _of_defaults(document)
    if problems:
        raise _fault(path, _with_lines(problems, text))
    return msgspec.convert(_SHAPE.tidy(document), Settings)


def _of_workers(document: dict[str, Any], known: list[Problem]) -> list[Problem]:
    """What is wrong with each worker type whose settings are of the right types."""
    workers = document.get("workers")
    found: list[Problem] = []
    for name, raw in workers.items() if isinstance(workers, dict) else ():
        place = where(("workers", name))
        if not any(problem.where == place or problem.where.startswith(f"{place}.") for problem in known):
            worker = msgspec.convert(_WORKER.tidy(raw), WorkerSettings)
            faults = worker_faults(name, worker)
            found += [Problem(where=where(("workers", name, *path)), message=message) for path, message in faults]
    return found


def _of_hosts(document: dict[str, Any], known: list[Problem]) -> list[Problem]:
    """Times that are too short to mean anything."""
    if any(problem.where.startswith("hosts") for problem in known):
        return []
    hosts = msgspec.convert(_HOSTS.tidy(document.get("hosts", {})), HostSettings)
    return [
        Problem(where=where(("hosts", name)), message=f"is {value:g} s: it is at least {LEAST_S:g} s")
        for name, value in (("within", hosts.within), ("patience", hosts.patience))
        if value < LEAST_S
    ]


def _of_listen(document: dict[str, Any], known: list[Problem]) -> list[Problem]:
    """An address that is none, or that reaches further than it may."""
    if any(problem.where.startswith("listen") for problem in known):
        return []
    try:
        msgspec.convert(document.get("listen", {}), Listen).endpoints()
    except ValueError as error:
        return [Problem(where="listen", message=str(error))]
    return []


def _of_callbacks(document: dict[str, Any], known: list[Problem]) -> list[Problem]:
    """What is wrong with each callback whose settings are of the right types."""
    callbacks = document.get("callbacks")
    found: list[Problem] = []
    for name, raw in callbacks.items() if isinstance(callbacks, dict) else ():
        place = where(("callbacks", name))
        if not any(problem.where == place or problem.where.startswith(f"{place}.") for problem in known):
            faults = settings_faults(name, msgspec.convert(_CALLBACK.tidy(raw), Callback))
            found += [Problem(where=where(("callbacks", name, *path)), message=message) for path, message in faults]
    return found


def _of_defaults(document: dict[str, Any]) -> list[Problem]:
    """Try the defaults on a task, so that a mistake is told now and not with every submission."""
    defaults = document.get("defaults", {})
    if not isinstance(defaults, dict):  # which is told already
        return []
    probe = {"name": "defaults", "defaults": defaults, "tasks": [{"id": "probe", "worker": "shell", "command": "true"}]}
    try:
        parse_graph(probe, base_dir="/", workers={kind: kind for kind in KINDS})
    except Refused as refused:
        return list(refused.info.problems)
    return []


def _with_lines(problems: list[Problem], text: str) -> list[Problem]:
    """The problems in the order of the file, with the line of what they are about or of what is around it."""
    lines: dict[str, int] = {}
    for path, line in toml_places(text):
        lines.setdefault(where(path), line)
    found = [replace(problem, line=_line_of(problem.where, lines)) for problem in problems]
    return sorted(found, key=lambda problem: (problem.line == 0, problem.line))


def _line_of(place: str, lines: Mapping[str, int]) -> int:
    while place and place not in lines:
        place = place[: max(place.rfind("."), place.rfind("["), 0)]
    return lines.get(place, 0)


def _fault(path: str, problems: list[Problem]) -> EnvironmentFault:
    several = len(problems) > 1
    message = f"{path} has {len(problems)} problems" if several else f"{path}: {problems[0]}"
    return EnvironmentFault(message, _HINT, problems=tuple(problems))


def _read(path: str) -> str:
    """The file's text; of a file that is one, whose bounds keep a mistake from eating the memory.

    Raises:
        OSError, ValueError: it cannot be read, or is none.
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
    return data.decode().replace("\r\n", "\n")
