"""A graph file whose tasks are to join a graph that is there already → task documents, every problem with its line.

The file is read as any graph file, its parameters, `defaults`, `cwd` and `foreach` included. For the check, the tasks
that the graph has stand beside those of the file as stubs with their dependencies: so a dependency on one is known, and
a problem is one of the whole that would come about. What is handed on has nothing left to be filled in.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from orch_actors.protocol.errors import Refused
from orch_actors.protocol.spec import params as parameters
from orch_actors.protocol.spec.document import task_to_document
from orch_actors.protocol.spec.load import LoadedGraph, locate, read_graph
from orch_actors.protocol.spec.parse import parse_noting
from orch_actors.protocol.spec.places import Findings, Path, refuse
from orch_actors.protocol.spec.shapes import found
from orch_actors.protocol.spec.work import BUILT_IN

#: Fields of a graph document that are about the graph as a whole → what to do instead.
OF_THE_WHOLE: Final[Mapping[str, str]] = {
    "limits": "`limit` changes how many of its attempts may run at once",
    "goal": "leave it out",
    "tolerant": "leave it out",
    "callbacks": "a graph has those that it was submitted with",
    "files": "leave it out",
}


def check_addition(
    path: str,
    known: Mapping[str, Sequence[Any]],
    params: Mapping[str, str] | None = None,
    *,
    workers: Mapping[str, str] = BUILT_IN,
) -> tuple[tuple[dict[str, Any], ...], str]:
    """Read the tasks of a graph file for a graph that has tasks already.

    Args:
        path: the file; "-" is stdin. Its `name` need not be the graph's.
        known: id of each task that the graph has → its `depends_on`.
        params: values for the file's parameters.
        workers: the known worker types, each with its kind.

    Returns:
        The tasks' documents, whole; the absolute folder for relative paths.

    Raises:
        Refused: INVALID_GRAPH, with all problems and their lines.
    """
    loaded = read_graph(path)
    findings = Findings()
    document = parameters.fill(loaded.document, params or {}, findings)
    for field, instead in OF_THE_WHOLE.items():
        if field in document:
            findings.add((field,), f"is about the graph as a whole, which is there already: {instead}")
    stubs, whole = _beside(document, known, findings)
    try:
        graph = parse_noting(whole, findings, base_dir=loaded.base_dir, workers=workers)
    except Refused as refused:
        refuse(locate(refused.info.problems, loaded), loaded.name)
    if graph is None or findings:
        _refuse(findings, loaded)
    return tuple(task_to_document(task) for task in graph.tasks if task.id not in stubs), loaded.base_dir


def _beside(
    document: dict[str, Any], known: Mapping[str, Sequence[Any]], findings: Findings
) -> tuple[set[str], dict[str, Any]]:
    """Ids of the stubs, and the document with them; a task that the graph has already is noted."""
    tasks = document.get("tasks")
    rest = {name: value for name, value in document.items() if name not in OF_THE_WHOLE}
    rest.setdefault("name", "addition")
    if not isinstance(tasks, dict | list):
        if tasks is not None:
            findings.add(("tasks",), f"is {found(tasks)}: expected a list of tasks, or a mapping by id")
        return set(), rest
    if not tasks:
        return set(), rest
    for path, name in _ids(tasks):
        if name in known:
            findings.add(path, f"the graph has a task `{name}` already: choose another id, or `update` that one")
    own = {name for _, name in _ids(tasks)}
    stubs = {name: _stub(depends_on) for name, depends_on in known.items() if name not in own}
    both: dict[str, Any] | list[Any]
    if isinstance(tasks, dict):
        both = {**tasks, **stubs}
    else:
        both = [*tasks, *({"id": name, **stub} for name, stub in stubs.items())]
    return set(stubs), {**rest, "tasks": both}


def _ids(tasks: dict[str, Any] | list[Any]) -> list[tuple[Path, str]]:
    if isinstance(tasks, dict):
        return [(("tasks", name), name) for name in tasks]
    return [
        (("tasks", index, "id"), task["id"])
        for index, task in enumerate(tasks)
        if isinstance(task, dict) and isinstance(task.get("id"), str)
    ]


def _stub(depends_on: Sequence[Any]) -> dict[str, Any]:
    return {"worker": "shell", "command": "true", "depends_on": list(depends_on)}


def _refuse(findings: Findings, loaded: LoadedGraph) -> NoReturn:
    problems = sorted(locate(findings.problems(), loaded), key=lambda problem: (problem.line == 0, problem.line))
    refuse(tuple(problems), loaded.name, count=len(findings))
