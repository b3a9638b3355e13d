"""Document → Structs, or a refusal that names every problem at once.

A document comes from anywhere: a file, another process, a program in another language. Any value gives a
GraphSpec or Refused, nothing else. The form is described in protocol/SPEC.md, "Graph documents".

Theory of operation: the whole document is first held to be plain data of bounded depth (plain.py). Then each
task has its shorthands tidied (shapes.py) and goes through msgspec in one piece; only a task that msgspec
refuses is looked at again field by field. What concerns the graph as a whole comes last (check.py), with the
tasks that failed taking part by their ids. Problems in what a task inherits are told where they stand: once,
in `defaults`.
"""

import os.path
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct, ValidationError, convert
from msgspec.structs import force_setattr

from orch_actors.protocol.ids import is_id
from orch_actors.protocol.spec import plain
from orch_actors.protocol.spec.check import MAX_EDGES, MAX_TASKS, Node, check_graph, check_name, check_task
from orch_actors.protocol.spec.defaults import Defaults
from orch_actors.protocol.spec.graph import GraphSpec, Limits, TaskSpec
from orch_actors.protocol.spec.hints import did_you_mean, listed
from orch_actors.protocol.spec.places import Findings, Path
from orch_actors.protocol.spec.shapes import Shape, found, is_exact, record
from orch_actors.protocol.spec.unsupported import PLANNED_WORKERS, UNSUPPORTED, Rules
from orch_actors.protocol.spec.work import WORK, Work

__all__ = ["UNSUPPORTED", "parse_graph", "parse_task"]

#: What a task may say whatever its worker type.
_COMMON: Final[Mapping[str, Shape]] = {name: shape for name, shape in record(TaskSpec).fields.items() if name != "work"}
_COMMON_TIDY: Final = {name: shape.tidy for name, shape in _COMMON.items() if not is_exact(shape)}

_RawTasks = dict[str, Any] | list[Any] | tuple[Any, ...]

_PARAMS: Final = "parameters are filled in before a graph is submitted: submit the file with the command line"


class _Top(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields of a graph document."""

    name: str
    tasks: list[dict[str, Any]] | dict[str, Any]
    goal: str = ""
    limits: Limits = Limits()
    tolerant: bool = False
    #: Folder that the tasks' own `cwd`s are relative to.
    cwd: str | None = None
    #: What every task inherits unless it says otherwise; `env` is merged.
    defaults: dict[str, Any] = {}


def parse_graph(
    document: object,
    *,
    base_dir: str,
    unsupported: Mapping[str, str] = UNSUPPORTED,
    workers: Mapping[str, type[Work]] = WORK,
) -> GraphSpec:
    """Read a graph document. Afterwards every task has an absolute `cwd`.

    Args:
        document: plain data, as decoded from YAML, JSON, TOML or msgpack; it is not changed.
        base_dir: absolute folder against which relative `cwd`s are read; also that of tasks without one.
        unsupported: what to refuse by name although its form is right.
        workers: the known worker types.

    Raises:
        Refused: INVALID_GRAPH, with all problems.
    """
    findings = Findings()
    graph = parse_noting(document, findings, base_dir=base_dir, unsupported=unsupported, workers=workers)
    if graph is None or findings:
        findings.refuse()
    return graph


def parse_noting(
    document: object,
    findings: Findings,
    *,
    base_dir: str,
    unsupported: Mapping[str, str] = UNSUPPORTED,
    workers: Mapping[str, type[Work]] = WORK,
) -> GraphSpec | None:
    """`parse_graph` for who has found problems already, or knows more about their places.

    Returns:
        The graph; only to be used if `findings` has nothing afterwards.

    Raises:
        Refused: INVALID_GRAPH; the document is no plain data, which leaves nothing to read.
    """
    reader = _Reader(findings, base_dir, unsupported, workers)
    reader.hold_plain(document)
    return reader.graph(document)


def parse_task(
    document: object,
    index: int = 0,
    *,
    base_dir: str,
    unsupported: Mapping[str, str] = UNSUPPORTED,
    workers: Mapping[str, type[Work]] = WORK,
) -> TaskSpec:
    """Read one task by itself; whether its dependencies exist is for its graph to say.

    Args:
        document: the task's mapping, with its `id`.
        index: its place in the list that it came in, for the problems' `where`.
        base_dir: as for `parse_graph`, and so the others.
        unsupported: what to refuse by name.
        workers: the known worker types.

    Raises:
        Refused: INVALID_GRAPH, with all problems.
    """
    reader = _Reader(Findings(), base_dir, unsupported, workers)
    base: Path = ("tasks", index)
    reader.hold_plain(document, base)
    task, _node = reader.task(document, index, base)
    if task is None or reader.findings:
        reader.findings.refuse("the task")
    return task


class _Reader:
    """Reads one document; gathers what is wrong with it."""

    def __init__(
        self, findings: Findings, base_dir: str, unsupported: Mapping[str, str], workers: Mapping[str, type[Work]]
    ) -> None:
        self.findings: Final = findings
        self._rules: Final = Rules(unsupported)
        self._workers: Final = workers
        self._work_shapes: Final = {name: record(kind) for name, kind in workers.items()}
        self._defaults = Defaults({}, _COMMON, self._work_shapes, self.findings)
        #: Absolute folder for tasks without a `cwd`.
        self._cwd = base_dir
        if not os.path.isabs(base_dir):
            self.findings.add((), f"the folder that paths are relative to is {base_dir!r}: expected an absolute path")

    def hold_plain(self, document: object, base: Path = ()) -> None:
        """Note what is no plain data; refuse at once what no further reading could stand."""
        if plain.is_plain(document, tuple(self._rules.texts)):
            return
        unreadable = False
        for finding in plain.faults(document, self._rules.texts, base):
            self.findings.add(*finding)
            self.findings.closed.add(finding.path)
            unreadable = unreadable or finding.message not in self._rules.texts.values()
        if unreadable:
            self.findings.refuse()

    def graph(self, document: object) -> GraphSpec | None:
        """The graph, or None where that much is wrong with it that none can be made."""
        if not isinstance(document, dict):
            self.findings.add((), f"the document is {found(document)}: expected a mapping with `name` and `tasks`")
            return None
        top = self._top(document)
        raw_tasks = document.get("tasks")
        if not isinstance(raw_tasks, (dict, list, tuple)):
            return None
        if not 1 <= len(raw_tasks) <= MAX_TASKS:
            bound = f"at most {MAX_TASKS}" if raw_tasks else "at least one"
            self.findings.add(("tasks",), f"has {len(raw_tasks)} tasks: expected {bound}")
            return None
        tasks: list[TaskSpec] = []
        nodes: list[Node] = []
        for index, (base, raw) in enumerate(self._entries(raw_tasks)):
            task, node = self.task(raw, index, base)
            nodes.append(node)
            if task is not None:
                tasks.append(task)
        self._whole(nodes, raw_tasks)
        if top is None:
            return None
        graph = GraphSpec(name=top.name, goal=top.goal, limits=top.limits, tolerant=top.tolerant, tasks=tuple(tasks))
        for finding in self._rules.of_graph(graph):
            self.findings.add(*finding)
        return graph

    def _top(self, document: dict[str, Any]) -> _Top | None:
        """The fields around the tasks; also takes over `cwd` and `defaults`."""
        before = self.findings.noted
        shapes = record(_Top).fields
        for name, value in document.items():
            if name == "params":
                self.findings.add((name,), _PARAMS)
            elif name not in shapes:
                meant = did_you_mean(name, shapes) or f"; a graph has {listed(list(shapes))}"
                self.findings.add((name,), f"is an unknown field{meant}")
            elif name == "tasks":
                if not isinstance(value, (dict, list, tuple)):
                    self.findings.add((name,), f"is {found(value)}: expected a list of tasks, or a mapping by id")
            else:
                for finding in shapes[name].faults(value, (name,)):
                    self.findings.add(*finding)
        for name in ("name", "tasks"):
            if name not in document:
                self.findings.add((name,), "is missing: a graph has `name` and `tasks`")
        self._cwd = self._folder(document.get("cwd"), ("cwd",)) or self._cwd
        raw = document.get("defaults")
        self._defaults = Defaults(raw if isinstance(raw, dict) else {}, _COMMON, self._work_shapes, self.findings)
        self._check_title(document)
        if self.findings.noted > before:
            return None
        tidy = record(_Top).tidy({name: value for name, value in document.items() if name != "tasks"} | {"tasks": []})
        return convert(tidy, _Top)

    def _check_title(self, document: dict[str, Any]) -> None:
        name = document.get("name")
        if isinstance(name, str):
            fault = check_name(name) if name.strip() else "is empty: expected a name for the graph"
            if fault is not None:
                self.findings.add(("name",), fault)

    def _entries(self, tasks: _RawTasks) -> Iterator[tuple[Path, object]]:
        """Path and mapping of each task, from either form of `tasks`."""
        if not isinstance(tasks, dict):
            for index, raw in enumerate(tasks):
                yield ("tasks", index), raw
            return
        for name, raw in tasks.items():
            base: Path = ("tasks", name)
            if isinstance(raw, dict) and raw.get("id", name) != name:
                self.findings.add((*base, "id"), f"differs from the task's name `{name}`: leave it out")
            yield base, {**raw, "id": name} if isinstance(raw, dict) else raw

    def _whole(self, nodes: list[Node], raw_tasks: _RawTasks) -> None:
        keys: list[str | int] = list(raw_tasks) if isinstance(raw_tasks, dict) else list(range(len(raw_tasks)))
        edges = sum(len(node.depends_on) for node in nodes)
        if edges > MAX_EDGES:
            self.findings.add(("tasks",), f"have {edges} dependencies together: expected at most {MAX_EDGES}")
            return
        check_graph(nodes, lambda index, path, message: self.findings.add(("tasks", keys[index], *path), message))

    def task(self, raw: object, index: int, base: Path) -> tuple[TaskSpec | None, Node]:
        """One task, or None with its problems noted; and what the graph's form needs of it either way."""
        if not isinstance(raw, dict):
            self.findings.add(base, f"is {found(raw)}: expected a mapping with `id` and what to do")
            return None, Node(None, ())
        name = raw.get("id")
        if isinstance(name, str) and is_id(name) and isinstance(base[-1], int):
            self.findings.names[index] = name
        before = self.findings.noted
        task, reason = self._convert(raw, base)
        if task is None:
            self._diagnose(raw, base)
            if self.findings.noted == before:
                self.findings.add(base, reason)
            return None, _node_of(raw)
        for finding in (*check_task(task), *self._rules.of_task(task)):
            self.findings.add(self._defaults.place(finding.path, raw, base), finding.message)
        return task, Node(task.id, tuple([dependency.task for dependency in task.depends_on]))

    def _convert(self, raw: dict[str, Any], base: Path) -> tuple[TaskSpec | None, str]:
        """The quick way; or None, and what msgspec has against it."""
        worker = raw.get("worker", self._defaults.worker)
        kind = self._workers.get(worker) if isinstance(worker, str) else None
        if kind is None:
            return None, "its worker type is unknown"
        common, work = self._defaults.inherited(worker)
        shapes = self._work_shapes[worker].fields
        for name, value in raw.items():
            if name in _COMMON:
                tidy = _COMMON_TIDY.get(name)
                common[name] = value if tidy is None else tidy(value)
            else:
                work[name] = shapes[name].tidy(value) if name in shapes else value
        common["env"] = self._defaults.merged_env(common.get("env", {}))
        folder = self._folder(common.get("cwd"), self._defaults.place(("cwd",), raw, base))
        common["cwd"] = folder
        common["work"] = {}
        try:
            done = convert(work, kind)
            task = convert(common, TaskSpec)
        except ValidationError as error:
            return None, f"is not a task: {error}"
        # Nobody has seen this Struct yet. convert() would take no subclass of Work in its place.
        force_setattr(task, "work", done)
        return task, ""

    def _folder(self, cwd: object, path: Path) -> str | None:
        """The absolute folder for a `cwd`; None where it is none, which is noted here if it is a text."""
        if cwd is None:
            return self._cwd
        if not isinstance(cwd, str):
            return None
        if not cwd:
            self.findings.add(path, "is empty: expected a folder")
            return None
        expanded = os.path.expanduser(cwd)
        if expanded.startswith("~"):
            self.findings.add(path, f"{cwd!r}: there is no such user; expected a folder")
            return None
        return os.path.normpath(os.path.join(self._cwd, expanded))

    def _diagnose(self, raw: dict[str, Any], base: Path) -> None:
        """Note what is wrong with the fields of a task; those that it inherits were looked at before."""
        worker = raw.get("worker", self._defaults.worker)
        shape = self._work_shapes.get(worker) if isinstance(worker, str) else None
        if isinstance(worker, str) and shape is None:
            self.findings.add(self._defaults.place(("worker",), raw, base), self._unknown_worker(worker))
        fields = {**_COMMON, **(shape.fields if shape else {})}
        #: What to do was said, under a name that is not ours: that it is missing would be the same problem twice.
        misplaced = False
        for name, value in raw.items():
            if name in fields:
                for finding in fields[name].faults(value, (*base, name)):
                    self.findings.add(*finding)
            elif shape is not None:
                owner = next((other for other, its in self._work_shapes.items() if name in its.fields), None)
                message = self._unknown_field(name, worker, owner, fields)
                misplaced = misplaced or owner is not None or name == "prompt" or "did you mean" in message
                self.findings.add((*base, name), message)
        if "id" not in raw:
            self.findings.add((*base, "id"), "is missing: every task has an id")
        for name in shape.required if shape is not None and not misplaced else ():
            if name not in raw and not self._defaults.names(name):
                expected = fields[name].expected
                self.findings.add((*base, name), f"is missing: a task of worker `{worker}` needs it ({expected})")

    def _unknown_worker(self, worker: str) -> str:
        if worker in PLANNED_WORKERS:
            return f"this version does not have the worker type `{worker}` yet: it has {listed(list(self._workers))}"
        meant = did_you_mean(worker, self._workers)
        return f"no worker type is called {worker!r}{meant or f': there are {listed(list(self._workers))}'}"

    def _unknown_field(self, name: str, worker: str, owner: str | None, fields: Mapping[str, Shape]) -> str:
        if owner is not None:
            return f"is a field of worker `{owner}`, and this task's worker is `{worker}`: set worker: {owner}?"
        if name == "prompt":
            return f"is an unknown field; workers that take a prompt ({listed(PLANNED_WORKERS)}) are not there yet"
        meant = did_you_mean(name, fields)
        own = listed([field for field in fields if field not in _COMMON])
        return f"is an unknown field{meant or f'; worker `{worker}` has {own}, beside what all tasks have'}"


def _node_of(raw: dict[str, Any]) -> Node:
    """What the graph's form needs to know of a task that has something wrong with it."""
    name = raw.get("id")
    wanted = _COMMON["depends_on"].tidy(raw.get("depends_on"))
    ids = [item.get("task") if isinstance(item, dict) else None for item in wanted] if isinstance(wanted, list) else []
    return Node(
        name if isinstance(name, str) else None, tuple([task if isinstance(task, str) else None for task in ids])
    )
