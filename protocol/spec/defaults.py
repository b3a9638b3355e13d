"""`defaults` of a graph document: what its tasks inherit, and where a problem with that is told.

A task's own field replaces the default, whole (a task's `retry` takes nothing from the default `retry`); `env` and
`secrets` alone are merged, name by name. Fields of a worker type go to tasks of types that have them. All is checked
here once, so that a wrong default is one problem and not one for each task.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from orch_actors.protocol.spec.hints import did_you_mean
from orch_actors.protocol.spec.places import Finding, Findings, Path
from orch_actors.protocol.spec.shapes import Record, Shape

#: What makes a task that very task.
_NOT_INHERITED: Final = ("id", "depends_on", "title", "foreach")

#: Mappings that are merged, name by name.
MERGED: Final = ("env", "secrets")

_DEFAULT_WORKER: Final = "shell"


class Defaults:
    """The defaults of one document, tidied. What was wrong in them is noted in `findings` and not inherited."""

    def __init__(
        self, raw: Mapping[str, Any], common: Mapping[str, Shape], work: Mapping[str, Record], findings: Findings
    ) -> None:
        self._raw: Final = raw
        self._common: Final[dict[str, object]] = {}
        self._work: Final[dict[str, dict[str, object]]] = {worker: {} for worker in work}
        for name, value in raw.items():
            # A common field hides one of the same name that a worker type has.
            if name in _NOT_INHERITED:
                findings.add(("defaults", name), "is each task's own: it has no default")
            elif name in common:
                if not _note(findings, [list(common[name].faults(value, ("defaults", name)))]):
                    self._common[name] = common[name].tidy(value)
            else:
                self._take_work(name, value, common, work, findings)
        named = self._common.get("worker", _DEFAULT_WORKER)
        #: Worker type of tasks that name none.
        self.worker: Final = named if isinstance(named, str) else _DEFAULT_WORKER
        #: Field → its names that a task's own go on top of.
        self._merged: Final[dict[str, dict[str, object]]] = {}
        for name in MERGED:
            value = self._common.get(name)
            self._merged[name] = value if isinstance(value, dict) else {}

    def _take_work(
        self,
        name: str,
        value: object,
        common: Collection[str],
        work: Mapping[str, Record],
        findings: Findings,
    ) -> None:
        """A field of one or more worker types; each takes it that can."""
        path: Path = ("defaults", name)
        shapes = {worker: record.fields[name] for worker, record in work.items() if name in record.fields}
        if not shapes:
            known = [*common, *(field for record in work.values() for field in record.fields)]
            findings.add(path, f"is an unknown field{did_you_mean(name, known)}")
            return
        faults = {worker: list(shape.faults(value, path)) for worker, shape in shapes.items()}
        _note(findings, list(faults.values()))
        for worker, shape in shapes.items():
            if not faults[worker]:
                self._work[worker][name] = shape.tidy(value)

    def inherited(self) -> dict[str, object]:
        """A fresh mapping of common fields, to put the task's own into."""
        return dict(self._common)

    def inherited_work(self, worker: str) -> dict[str, object]:
        """A fresh mapping of the worker type's fields, to put the task's own into."""
        return dict(self._work.get(worker, {}))

    def merged(self, field: str, own: object) -> object:
        """The task's `env` or `secrets` upon those of the defaults; what is no mapping is given back."""
        inherited = self._merged[field]
        return {**inherited, **own} if inherited and isinstance(own, dict) else own

    def names(self, field: str) -> bool:
        """Whether the document has a default for the field, be it right or wrong."""
        return field in self._raw

    def place(self, path: Path, raw: Mapping[str, Any], base: Path) -> Path:
        """Where a task's field stands: in the task at `base`, or in `defaults` if it came from there.

        Args:
            path: within the task.
            raw: the task as it stands in the document.
            base: the task's path.
        """
        field = path[0]
        inherited = field in self._raw and field not in raw
        if field in MERGED and len(path) > 1 and isinstance(raw.get(str(field)), dict):
            inherited = path[1] in self._merged[str(field)] and path[1] not in raw[str(field)]
        return ("defaults", *path) if inherited else (*base, *path)


def _note(findings: Findings, faults: list[list[Finding]]) -> bool:
    """Whether a value is wrong by every reading of it; then the first reading's faults are noted."""
    if not all(faults):
        return False
    for finding in faults[0]:
        findings.add(*finding)
    return True
