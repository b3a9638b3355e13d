"""Document → Structs, or a refusal that names every problem at once.

A document comes from anywhere: a file, another process, a program in another language. Any value gives a
GraphSpec or Refused, nothing else. The form is described in protocol/SPEC.md, "Graph documents".

Theory of operation: the whole document is first held to be plain data of bounded depth (plain.py). Tasks that stand
for several become those (foreach.py). Then each task has its shorthands tidied (shapes.py) and goes through msgspec in
one piece; only a task that msgspec refuses is looked at again field by field. What the fields' types cannot say comes
next (check.py, policies.py, references.py), and last what concerns the graph as a whole, with the tasks that failed
taking part by their ids.

What was `accepted` once and stands in a journal is read by its form alone: a later version, which may know more
mistakes, must still be able to read it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from orch_actors.protocol.spec import plain
from orch_actors.protocol.spec.accepted import accepted_graph, accepted_task
from orch_actors.protocol.spec.graph import GraphSpec, TaskSpec
from orch_actors.protocol.spec.places import Findings, Path
from orch_actors.protocol.spec.reading import Reader
from orch_actors.protocol.spec.work import BUILT_IN


def parse_graph(
    document: object,
    *,
    base_dir: str,
    accepted: bool = False,
    workers: Mapping[str, str] = BUILT_IN,
) -> GraphSpec:
    """Read a graph document. Afterwards every task has an absolute `cwd`.

    Args:
        document: plain data, as decoded from YAML, JSON, TOML or msgpack; it is not changed.
        base_dir: absolute folder against which relative `cwd`s are read; also that of tasks without one.
        accepted: it was accepted before, by this or another version: only its form is checked.
        workers: the known worker types, each with its kind.

    Raises:
        Refused: INVALID_GRAPH, with all problems.
    """
    if accepted and (known := accepted_graph(document, workers)) is not None:
        return known
    findings = Findings()
    graph = parse_noting(document, findings, base_dir=base_dir, accepted=accepted, workers=workers)
    if graph is None or findings:
        findings.refuse()
    return graph


def parse_noting(
    document: object,
    findings: Findings,
    *,
    base_dir: str,
    accepted: bool = False,
    workers: Mapping[str, str] = BUILT_IN,
) -> GraphSpec | None:
    """`parse_graph` for who has found problems already, or knows more about their places.

    Returns:
        The graph; only to be used if `findings` has nothing afterwards.

    Raises:
        Refused: INVALID_GRAPH; the document is no plain data, which leaves nothing to read.
    """
    document = _hold_plain(document, findings, ())
    return Reader(findings, base_dir, workers, accepted=accepted).graph(document)


def parse_task(
    document: object,
    index: int = 0,
    *,
    base_dir: str,
    accepted: bool = False,
    workers: Mapping[str, str] = BUILT_IN,
    defaults: Mapping[str, Any] | None = None,
) -> TaskSpec:
    """Read one task by itself, without `foreach`; whether its dependencies exist is for its graph to say.

    Args:
        document: the task's mapping, with its `id`.
        index: its place in the list that it came in, for the problems' `where`.
        base_dir: as for `parse_graph`, and so the others.
        accepted: only its form is checked.
        workers: the known worker types, each with its kind.
        defaults: what it inherits unless it says otherwise.

    Raises:
        Refused: INVALID_GRAPH, with all problems.
    """
    if accepted and not defaults and (known := accepted_task(document, workers)) is not None:
        return known
    findings = Findings()
    base: Path = ("tasks", index)
    document = _hold_plain(document, findings, base)
    findings.name_task(index, document)
    reader = Reader(findings, base_dir, workers, accepted=accepted)
    if defaults:
        reader.inherit(defaults)
    task, _node = reader.task(document, base)
    if task is None or findings:
        findings.refuse("the task")
    return task


def parse_added(
    documents: Sequence[object],
    findings: Findings,
    *,
    base_dir: str,
    known: Collection[str],
    workers: Mapping[str, str] = BUILT_IN,
    defaults: Mapping[str, Any] | None = None,
) -> list[tuple[int, TaskSpec]]:
    """Read tasks that are to join a graph, `foreach` included.

    Args:
        documents: the tasks' mappings.
        findings: takes what is wrong with them.
        base_dir: as for `parse_graph`, and so the others.
        known: ids of the tasks that the graph has; the new ones may depend on them.
        workers: the known worker types, each with its kind.
        defaults: what they inherit unless they say otherwise.

    Returns:
        Each task, with the place among `documents` of the one that it was made of; only to be used if `findings` has
        nothing afterwards.

    Raises:
        Refused: INVALID_GRAPH; one is no plain data, which leaves nothing to read.
    """
    documents = [_hold_plain(document, findings, ("tasks", index)) for index, document in enumerate(documents)]
    for index, document in enumerate(documents):
        findings.name_task(index, document)
    reader = Reader(findings, base_dir, workers, accepted=False)
    if defaults:
        reader.inherit(defaults)
    return reader.added(documents, known)


def parse_changed(
    document: Mapping[str, Any], findings: Findings, *, base_dir: str, workers: Mapping[str, str] = BUILT_IN
) -> tuple[TaskSpec | None, tuple[str | None, ...]]:
    """Read one task's document as it is to be; paths of `findings` begin in the task.

    Returns:
        The task, or None where it cannot be read; and the ids in its `depends_on` as far as they can be read.

    Raises:
        Refused: INVALID_GRAPH; it is no plain data.
    """
    document = _hold_plain(document, findings, ())
    task, node = Reader(findings, base_dir, workers, accepted=False).task(document, ())
    return task, node.depends_on


def _hold_plain(document: Any, findings: Findings, base: Path) -> Any:
    """The document as plain data. A number that is none for JSON is noted, and another one stands for it.

    Raises:
        Refused: INVALID_GRAPH; something else is no plain data, which no further reading could stand.
    """
    faults = [] if plain.is_plain(document) else list(plain.faults(document, base))
    if not faults:
        return document
    for finding in faults:
        findings.add(*finding)
        findings.closed.add(finding.path)
    mended = plain.with_numbers_mended(document)
    if not plain.is_plain(mended):
        findings.refuse()
    return mended
