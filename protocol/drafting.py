"""Building a graph in code: a draft, to which tasks are added one by one, and which is submitted like any document.

    draft = Draft("numbers", goal="the mean of some numbers")
    fetch = draft.shell("fetch", "seq 100 > numbers.txt", timeout="1m")
    mean = draft.python("mean", call="statistics:fmean", args=[[1, 2, 3]], after=[fetch])
    draft.shell("report", ["echo", mean.result()], after=[mean])
    client.submit(draft)

A draft is a mapping, the graph document of SPEC.md, so whatever takes a document takes a draft. It checks what only it
can know (an id twice, a task that is not there); all else is checked when it is submitted, with every problem at once.

Rejected: decorators that turn functions into tasks, which hide what is sent where and tie a graph to the module that
defines it; operators such as `a >> b`, which say no condition.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct


class DraftTask(Struct, frozen=True):
    """A task of a draft, to be named by those that depend on it."""

    id: str

    def result(self, path: str = "") -> str:
        """What stands for the task's result (or a part: `files.0.name`) in `command`, `args` and `env` of a dependent.

        Example:
            >>> fetch.result("path")
            '${tasks.fetch.result.path}'
        """
        return f"${{tasks.{self.id}.result{'.' if path else ''}{path}}}"

    def failed(self) -> dict[str, str]:
        """As a dependency: go on where it has failed."""
        return {"task": self.id, "on": "failed"}

    def finished(self) -> dict[str, str]:
        """As a dependency: go on once it is over, however it ended."""
        return {"task": self.id, "on": "finished"}


#: What a task may wait for.
After = Sequence[DraftTask | str | Mapping[str, str]]


class Draft(Mapping[str, Any]):
    """A graph document in the making. Invariant: every dependency names a task that was added before."""

    def __init__(self, name: str, **fields: Any) -> None:
        """`fields`: those of a graph document, such as goal, limits, defaults."""
        self._document: Final[dict[str, Any]] = {"name": name, **fields, "tasks": []}
        self._ids: Final[set[str]] = set()

    def task(self, id_: str, *, after: After = (), **fields: Any) -> DraftTask:
        """Add a task of any worker type; `fields` are those of a task document.

        Raises:
            ValueError: the id was given to another one, or it depends on a task that is not there.
        """
        if id_ in self._ids:
            raise ValueError(f"there is a task {id_!r} already")
        needs = [need.id if isinstance(need, DraftTask) else need for need in after]
        for need in needs:
            name = need if isinstance(need, str) else need["task"]
            if name not in self._ids:
                raise ValueError(f"{id_!r} comes after {name!r}, which is not there: add that one first")
        self._document["tasks"].append({"id": id_, **({"depends_on": needs} if needs else {}), **fields})
        self._ids.add(id_)
        return DraftTask(id_)

    def shell(self, id_: str, command: str | Sequence[str], *, after: After = (), **fields: Any) -> DraftTask:
        """Add a command: text for sh -c, or a list that is run as it stands.

        Raises:
            ValueError: as `task`.
        """
        return self.task(id_, after=after, command=command if isinstance(command, str) else list(command), **fields)

    def python(self, id_: str, *, after: After = (), **fields: Any) -> DraftTask:
        """Add a call of a function (`call="module:function"`, `args`) or a script (`script`).

        Raises:
            ValueError: as `task`.
        """
        return self.task(id_, after=after, worker="python", **fields)

    def agent(self, id_: str, prompt: str, *, worker: str = "claude", after: After = (), **fields: Any) -> DraftTask:
        """Add what a coding agent is to do.

        Raises:
            ValueError: as `task`.
        """
        return self.task(id_, after=after, worker=worker, prompt=prompt, **fields)

    def __getitem__(self, key: str) -> Any:
        return self._document[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._document)

    def __len__(self) -> int:
        return len(self._document)

    def __repr__(self) -> str:
        return f"<Draft {self['name']}: {', '.join(task['id'] for task in self['tasks']) or 'no tasks'}>"
