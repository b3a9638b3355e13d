"""One pass over a document: what parse.py promises.

Problems in what a task inherits are told where they stand: once, in `defaults`.
"""

import os.path
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from msgspec import Struct, ValidationError, convert, json
from msgspec.structs import force_setattr, replace

from orch_actors.protocol.spec.check import MAX_EDGES, MAX_TASKS, Node, check_graph, check_name, check_task
from orch_actors.protocol.spec.defaults import MERGED, Defaults
from orch_actors.protocol.spec.foreach import Written, expand, not_filled
from orch_actors.protocol.spec.graph import Callback, GraphSpec, Limits, TaskSpec
from orch_actors.protocol.spec.hints import closest, did_you_mean, listed
from orch_actors.protocol.spec.judging import Deciding, Judge, judge_faults
from orch_actors.protocol.spec.places import Finding, Findings, Path
from orch_actors.protocol.spec.policies import check_policies, check_wall
from orch_actors.protocol.spec.references import check_references, has_mentions, outside
from orch_actors.protocol.spec.shapes import Shape, found, is_exact, record
from orch_actors.protocol.spec.told import absolute, check_told, settled
from orch_actors.protocol.spec.work import KINDS

#: What only agents can spend.
_FOR_AGENTS: Final = (("budget", "usd"), ("budget", "tokens"))

#: What a task may say whatever its worker type.
_COMMON: Final[Mapping[str, Shape]] = {name: shape for name, shape in record(TaskSpec).fields.items() if name != "work"}
_COMMON_TIDY: Final = {name: shape.tidy for name, shape in _COMMON.items() if not is_exact(shape)}

#: Fields that say which decisions come up: without them nothing can be said of `ask`.
_WHAT_COMES_UP: Final = frozenset({"approve", "on_fail", "on_unknown"})
_ANY_ID: Final = "task"

_RawTasks = dict[str, Any] | list[Any] | tuple[Any, ...]

_PARAMS: Final = "parameters are filled in before a graph is submitted: submit the file with the command line"
_REPEATED: Final = "a task that is there already cannot be repeated: `add` tasks with foreach instead"


class _Top(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields of a graph document."""

    name: str
    tasks: list[dict[str, Any]] | dict[str, Any]
    goal: str = ""
    limits: Limits = Limits()
    tolerant: bool = False
    callbacks: tuple[Callback, ...] = ()
    files: str | None = None
    #: Folder that the tasks' own `cwd`s are relative to.
    cwd: str | None = None
    #: What every task inherits unless it says otherwise; `env` is merged.
    defaults: dict[str, Any] = {}


class Reader:
    """Reads one document; gathers what is wrong with it."""

    def __init__(self, findings: Findings, base_dir: str, workers: Mapping[str, str], *, accepted: bool) -> None:
        self._findings: Final = findings
        self._accepted: Final = accepted
        self._workers: Final = workers
        self._work_shapes: Final = {name: record(KINDS[kind]) for name, kind in workers.items()}
        self._defaults = Defaults({}, _COMMON, self._work_shapes, findings)
        #: There may be references at all, and in what all tasks inherit.
        self._may_refer = not accepted
        self._inherits_mentions = False
        #: Ids of all tasks; None: only one of them is read.
        self._ids: Collection[str] | None = None
        #: Field → ids of those that say nothing of it.
        self._bare: Mapping[str, Collection[str]] = {}
        #: Absolute folder for tasks without a `cwd`.
        self._cwd = base_dir
        if not os.path.isabs(base_dir):
            findings.add((), f"the folder that paths are relative to is {base_dir!r}: expected an absolute path")

    def graph(self, document: object) -> GraphSpec | None:
        """The graph, or None where that much is wrong with it that none can be made."""
        if not isinstance(document, dict):
            self._findings.add((), f"the document is {found(document)}: expected a mapping with `name` and `tasks`")
            return None
        self._may_refer = self._may_refer and _may_refer(document)
        top = self._top(document)
        raw_tasks = document.get("tasks")
        if not isinstance(raw_tasks, (dict, list, tuple)):
            return None
        if not 1 <= len(raw_tasks) <= MAX_TASKS:
            bound = f"at most {MAX_TASKS}" if raw_tasks else "at least one"
            self._findings.add(("tasks",), f"has {len(raw_tasks)} tasks: expected {bound}")
            return None
        tasks: list[TaskSpec] = []
        nodes: list[Node] = []
        written = self._written(document, raw_tasks)
        self._ids, self._bare = _ids_of(written), self._without(written)
        for entry in written:
            task, node = self.task(entry.raw, entry.base, broken=entry.broken)
            nodes.append(node)
            if task is not None:
                tasks.append(task)
        self._whole(nodes, written)
        if top is None:
            return None
        return GraphSpec(
            name=top.name,
            goal=top.goal,
            limits=top.limits,
            tolerant=top.tolerant,
            callbacks=tuple(settled(callback, self._cwd) for callback in top.callbacks),
            files=None if top.files is None else absolute(top.files, self._cwd),
            tasks=tuple(tasks),
        )

    def added(self, documents: Sequence[object], known: Collection[str]) -> list[tuple[int, TaskSpec]]:
        """Tasks for a graph that has some: each with the place of the document that it was made of.

        Args:
            documents: the tasks' documents, `foreach` included.
            known: ids of the graph's tasks, on which these may depend.
        """
        self._may_refer = True
        written = expand(
            [(("tasks", index), raw) for index, raw in enumerate(documents)], self.shapes_of, self._findings
        )
        self._ids, self._bare = _ids_of(written) | set(known), self._without(written)
        tasks: list[tuple[int, TaskSpec]] = []
        nodes: list[Node] = []
        for entry in written:
            task, node = self.task(entry.raw, entry.base, broken=entry.broken)
            nodes.append(node)
            if task is not None:
                tasks.append((int(entry.base[1]), task))
        self._whole(nodes, written, known)
        return tasks

    def _without(self, written: Sequence[Written]) -> dict[str, set[str]]:
        """Field that others may refer to → ids of those that say nothing of it."""
        if not self._may_refer:
            return {}
        return {
            field: _ids_of([one for one in written if not (isinstance(one.raw, dict) and one.raw.get(field))])
            for field in ("artifacts", "worktree")
            if not self._defaults.names(field)
        }

    def _top(self, document: dict[str, Any]) -> _Top | None:
        """The fields around the tasks; also takes over `cwd` and `defaults`."""
        before = self._findings.noted
        shapes = record(_Top).fields
        for name, value in document.items():
            if name == "params":
                self._findings.add((name,), _PARAMS)
            elif name not in shapes:
                meant = did_you_mean(name, shapes) or f"; a graph has {listed(list(shapes))}"
                self._findings.add((name,), f"is an unknown field{meant}")
            elif name == "tasks":
                if not isinstance(value, (dict, list, tuple)):
                    self._findings.add((name,), f"is {found(value)}: expected a list of tasks, or a mapping by id")
            else:
                for finding in shapes[name].faults(value, (name,)):
                    self._findings.add(*finding)
                if not self._accepted and name != "defaults":
                    for finding in outside(value, (name,)):
                        self._findings.add(*finding)
        for name in ("name", "tasks"):
            if name not in document:
                self._findings.add((name,), "is missing: a graph has `name` and `tasks`")
        self._cwd = self._folder(document.get("cwd"), ("cwd",)) or self._cwd
        raw = document.get("defaults")
        self.inherit(raw if isinstance(raw, dict) else {})
        self._check_title(document)
        if self._findings.noted > before:
            return None
        tidy = record(_Top).tidy({name: value for name, value in document.items() if name != "tasks"} | {"tasks": []})
        top = convert(tidy, _Top)
        if not self._accepted:
            for finding in (*check_wall(top.limits), *check_told(top.callbacks, top.files)):
                self._findings.add(*finding)
        return top

    def inherit(self, defaults: Mapping[str, Any]) -> None:
        """Have every task that is read from now on inherit these fields; what is wrong with them is noted."""
        self._defaults = Defaults(defaults, _COMMON, self._work_shapes, self._findings)
        self._inherits_mentions = self._may_refer and has_mentions(dict(defaults))

    def _check_title(self, document: dict[str, Any]) -> None:
        name = document.get("name")
        if isinstance(name, str):
            fault = check_name(name) if name.strip() else "is empty: expected a name for the graph"
            if fault is not None:
                self._findings.add(("name",), fault)

    def _written(self, document: dict[str, Any], tasks: _RawTasks) -> list[Written]:
        """The tasks, in whichever form they are given, each as often as it is to be."""
        entries = list(self._entries(tasks))
        if self._accepted:
            return [Written(base, raw) for base, raw in entries]
        written = expand(entries, self.shapes_of, self._findings)
        if len(written) != len(entries):
            for finding in not_filled(document.get("defaults"), ("defaults",)):
                self._findings.add(*finding)
        return written

    def _entries(self, tasks: _RawTasks) -> Iterator[tuple[Path, object]]:
        """Path and mapping of each task, from either form of `tasks`."""
        if not isinstance(tasks, dict):
            for index, raw in enumerate(tasks):
                self._findings.name_task(index, raw)
                yield ("tasks", index), raw
            return
        for name, raw in tasks.items():
            base: Path = ("tasks", name)
            if isinstance(raw, dict) and raw.get("id", name) != name:
                self._findings.add((*base, "id"), f"differs from the task's name `{name}`: leave it out")
            yield base, {**raw, "id": name} if isinstance(raw, dict) else raw

    def shapes_of(self, raw: Mapping[str, Any]) -> Mapping[str, Shape]:
        """The fields that a task with this document has; of its worker type only where there is such a type."""
        worker = raw.get("worker", self._defaults.worker)
        record_ = self._work_shapes.get(worker) if isinstance(worker, str) else None
        return {**_COMMON, **(record_.fields if record_ is not None else {})}

    def _whole(self, nodes: list[Node], written: list[Written], known: Collection[str] = ()) -> None:
        edges = sum(len(node.depends_on) for node in nodes)
        if edges > MAX_EDGES:
            self._findings.add(("tasks",), f"have {edges} dependencies together: expected at most {MAX_EDGES}")
            return

        def report(index: int, path: Path, message: str) -> None:
            orders = written[index].orders
            if orders is not None and len(path) == 2 and isinstance(path[1], int):
                path = (path[0], orders[path[1]])
            self._findings.add((*written[index].base, *path), message)

        check_graph(nodes, report, [entry.base for entry in written], known)

    def task(self, raw: object, base: Path, *, broken: bool = False) -> tuple[TaskSpec | None, Node]:
        """One task, or None with its problems noted; and what the graph's form needs of it either way.

        Args:
            raw: its document.
            base: its path.
            broken: its problems are noted, and so many that there is no use in reading it.
        """
        if not isinstance(raw, dict):
            self._findings.add(base, f"is {found(raw)}: expected a mapping with `id` and what to do")
            return None, Node(None, ())
        if broken:
            return None, _node_of(raw)
        before = self._findings.noted
        task, reason = self._convert(raw, base)
        if task is None:
            self._diagnose(raw, base)
            self._check_rest(raw, base)
            if self._findings.noted == before:
                self._findings.add(base, reason)
            return None, _node_of(raw)
        self._check(task, raw, base)
        return task, Node(task.id, tuple([dependency.task for dependency in task.depends_on]))

    def _check(self, task: TaskSpec, raw: dict[str, Any], base: Path, *, whole: bool = True) -> None:
        """Note what the types of its fields cannot say. Not `whole`: nobody knows what it depends on."""
        findings = list(check_task(task, accepted=self._accepted))
        if not self._accepted:
            findings += check_policies(task)
            findings += self._judges(task)
            if whole and (self._inherits_mentions or (self._may_refer and has_mentions(raw))):
                findings += check_references(task, self._ids, self._bare)
        for finding in findings:
            # The folder around all tasks is in every task's: what is wrong there is told once, there.
            inherited = finding.path in _FOR_AGENTS and "budget" not in raw  # a default for those that it is for
            if not inherited and (finding.path[0] != "cwd" or "cwd" in raw or self._defaults.names("cwd")):
                self._findings.add(self._defaults.place(finding.path, raw, base), finding.message)

    def _check_rest(self, raw: dict[str, Any], base: Path) -> None:
        """Note what the types cannot say of fields that are right by their types, in a task that has wrong ones too."""
        sound = {name: value for name, value in raw.items() if not self._findings.within((*base, name))}
        if not _WHAT_COMES_UP.isdisjoint(raw.keys() - sound.keys()):
            sound.pop("ask", None)
        worker = sound.get("worker", self._defaults.worker)
        kind = self._kind_of(worker, sound)
        with suppress(ValidationError):  # what is missing, or wrong in what it inherits, is told
            task = convert({**self._common({"id": _ANY_ID, **sound}, base), "work": {}}, TaskSpec)
            with suppress(ValidationError):
                if kind is not None:
                    force_setattr(task, "work", convert(self._work(sound, worker, kind), KINDS[kind]))
            self._check(task, sound, base, whole="depends_on" in sound or "depends_on" not in raw)

    def _convert(self, raw: dict[str, Any], base: Path) -> tuple[TaskSpec | None, str]:
        """The quick way; or None, and what msgspec has against it."""
        worker = raw.get("worker", self._defaults.worker)
        kind = self._kind_of(worker, raw)
        if kind is None:
            return None, "its worker type is unknown"
        common = self._common(raw, base)
        common["work"] = {}
        try:
            done = convert(self._work(raw, worker, kind), KINDS[kind])
            if kind != worker:
                common["kind"] = kind
            task = convert(common, TaskSpec)
        except ValidationError as error:
            return None, f"is not a task: {error}"
        self._fill_kinds(task)
        # Nobody has seen this Struct yet. convert() would take no subclass of Work in its place.
        force_setattr(task, "work", done)
        return task, ""

    def _common(self, raw: dict[str, Any], base: Path) -> dict[str, object]:
        """The fields that every task may have, with what it inherits, tidied."""
        common = self._defaults.inherited()
        for name, value in raw.items():
            if name in _COMMON:
                tidy = _COMMON_TIDY.get(name)
                common[name] = value if tidy is None else tidy(value)
        for name in MERGED:
            common[name] = self._defaults.merged(name, common.get(name, {}))
        common["cwd"] = self._folder(common.get("cwd"), self._defaults.place(("cwd",), raw, base))
        return common

    def _work(self, raw: dict[str, Any], worker: str, kind: str) -> dict[str, object]:
        """The fields of its worker type, with what it inherits of them, tidied."""
        work, shapes = self._defaults.inherited_work(worker), record(KINDS[kind]).fields
        for name, value in raw.items():
            if name not in _COMMON:
                work[name] = shapes[name].tidy(value) if name in shapes else value
        return work

    def _fill_kinds(self, task: TaskSpec) -> None:
        """Have its judges know the kinds of their worker types, where those are of the configuration."""
        for name, form in (("judge", task.judge), ("decisions", task.decisions)):
            kind = self._workers.get(form.worker) if form is not None else None
            if form is not None and not self._accepted and kind not in (None, form.worker):
                force_setattr(task, name, replace(form, kind=kind))

    def _judges(self, task: TaskSpec) -> Iterator[Finding]:
        """What is wrong with its judges."""
        for name, form in (("judge", task.judge), ("decisions", task.decisions)):
            if form is None or form == Deciding():
                continue
            kind = self._workers.get(form.worker)
            if kind is None:
                yield Finding((name, "worker"), self._unknown_worker(form.worker))
                continue
            for field, message in judge_faults(form, kind):
                yield Finding((name, field), message)
            if isinstance(form, Judge) and not form.by_id:
                yield Finding((name, "criteria"), "is empty: expected what must be so, at least one")

    def _kind_of(self, worker: object, raw: Mapping[str, Any]) -> str | None:
        """The kind of a task's worker type; of what was accepted once, what it was then."""
        said = raw.get("kind")
        if self._accepted and isinstance(said, str) and said in KINDS:
            return said
        kind = self._workers.get(worker) if isinstance(worker, str) else None
        return kind if said in (None, "", kind) else None

    def _folder(self, cwd: object, path: Path) -> str | None:
        """The absolute folder for a `cwd`; None where it is none, which is noted here if it is a text."""
        if cwd is None:
            return self._cwd
        if not isinstance(cwd, str):
            return None
        if not cwd:
            self._findings.add(path, "is empty: expected a folder")
            return None
        expanded = os.path.expanduser(cwd)
        if expanded.startswith("~"):
            self._findings.add(path, f"{cwd!r}: there is no such user; expected a folder")
            return None
        return os.path.normpath(os.path.join(self._cwd, expanded))

    def _diagnose(self, raw: dict[str, Any], base: Path) -> None:
        """Note what is wrong with the fields of a task; those that it inherits were looked at before."""
        worker = raw.get("worker", self._defaults.worker)
        shape = self._work_shapes.get(worker) if isinstance(worker, str) else None
        if isinstance(worker, str) and shape is None:
            self._findings.add(self._defaults.place(("worker",), raw, base), self._unknown_worker(worker))
            worker = closest(worker, self._workers)  # which was meant, so that one mistake hides no other
            shape = self._work_shapes.get(worker) if worker is not None else None
        elif isinstance(worker, str) and self._kind_of(worker, raw) is None:
            message = f"is {found(raw['kind'])}, and worker `{worker}` is of kind {self._workers[worker]}: leave it out"
            self._findings.add((*base, "kind"), message)
        fields = {**_COMMON, **(shape.fields if shape else {})}
        #: What to do was said, under a name that is not ours: that it is missing would be the same problem twice.
        misplaced = False
        for name, value in raw.items():
            if name in fields:
                for finding in fields[name].faults(value, (*base, name)):
                    self._findings.add(*finding)
            elif name == "foreach":
                self._findings.add((*base, name), _REPEATED)
            elif shape is None:
                self._unknown_anywhere(name, base)
            else:
                owner = next((other for other, its in self._work_shapes.items() if name in its.fields), None)
                message = self._unknown_field(name, worker, owner, fields)
                misplaced = misplaced or owner is not None or "did you mean" in message
                self._findings.add((*base, name), message)
        if "id" not in raw:
            self._findings.add((*base, "id"), "is missing: every task has an id")
        for name in shape.required if shape is not None and not misplaced else ():
            if name not in raw and not self._defaults.names(name):
                expected = fields[name].expected
                self._findings.add((*base, name), f"is missing: a task of worker `{worker}` needs it ({expected})")

    def _unknown_anywhere(self, name: str, base: Path) -> None:
        """Note a field that no worker type has, in a task of which nobody knows what it is."""
        known = [*_COMMON, *(field for shape in self._work_shapes.values() for field in shape.fields)]
        if name not in known and name not in ("prompt", "kind"):
            self._findings.add((*base, name), f"is an unknown field{did_you_mean(name, [*known, 'foreach'])}")

    def _unknown_worker(self, worker: str) -> str:
        meant = did_you_mean(worker, self._workers)
        return f"no worker type is called {worker!r}{meant or f': there are {listed(list(self._workers))}'}"

    def _unknown_field(self, name: str, worker: str, owner: str | None, fields: Mapping[str, Shape]) -> str:
        if owner is not None:
            return f"is a field of worker `{owner}`, and this task's worker is `{worker}`: set worker: {owner}?"
        meant = did_you_mean(name, (*fields, "foreach"))
        own = listed([field for field in fields if field not in _COMMON])
        return f"is an unknown field{meant or f'; worker `{worker}` has {own}, beside what all tasks have'}"


def _may_refer(document: dict[str, Any]) -> bool:
    """Whether a reference can be anywhere; much quicker than to look for one in each text."""
    try:
        return b"${" in json.encode(document)
    except TypeError:  # a text or number of somebody's own class
        return True


def _node_of(raw: dict[str, Any]) -> Node:
    """What the graph's form needs to know of a task that has something wrong with it."""
    name = raw.get("id")
    wanted = _COMMON["depends_on"].tidy(raw.get("depends_on"))
    ids = [item.get("task") if isinstance(item, dict) else None for item in wanted] if isinstance(wanted, list) else []
    return Node(
        name if isinstance(name, str) else None, tuple([task if isinstance(task, str) else None for task in ids])
    )


def _ids_of(written: Sequence[Written]) -> set[str]:
    """Those that can be read."""
    ids = (entry.raw.get("id") for entry in written if isinstance(entry.raw, dict))
    return {name for name in ids if isinstance(name, str)}
