"""What a submission or an addition is made of on the client's side: document, folder, variables. No sockets here."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from orch_actors.protocol.environment import allowed_variables
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.messages import AddTasks, SubmitGraph

#: By which a task's processes are known; what is submitted from one of them is that task's.
ATTEMPT_VARIABLE: Final = "ORCH_ATTEMPT"
MAX_PARENT: Final = 1000

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orch_actors.protocol.spec.graph import GraphSpec, TaskSpec


def submission(
    graph: "GraphSpec | Mapping[str, Any]",
    *,
    key: str | None,
    base_dir: str | None,
    environment: Mapping[str, str] | None,
    dry_run: bool,
) -> SubmitGraph:
    """The request for a graph given as Structs or as a document.

    Only allow-listed variables are sent (`environment.py`), wherever they come from.

    Raises:
        EnvironmentFault: the current folder is needed and gone.
    """
    return SubmitGraph(
        graph=_document(graph),
        key=key,
        base_dir=folder(base_dir),
        environment=allowed_variables(os.environ if environment is None else environment),
        parent=os.environ.get(ATTEMPT_VARIABLE, "")[:MAX_PARENT],
        dry_run=dry_run,
    )


def addition(
    graph: str,
    tasks: "Sequence[TaskSpec | Mapping[str, Any]]",
    *,
    base_dir: str | None,
    if_version: int | None,
    dry_run: bool,
) -> AddTasks:
    """The request for more tasks of a graph, given as Structs or as documents.

    Raises:
        EnvironmentFault: the current folder is needed and gone.
    """
    return AddTasks(
        graph=graph,
        tasks=tuple(_task(task) for task in tasks),
        base_dir=folder(base_dir),
        if_version=if_version,
        dry_run=dry_run,
    )


def _task(task: "TaskSpec | Mapping[str, Any]") -> dict[str, Any]:
    if isinstance(task, Mapping):
        return dict(task)
    from orch_actors.protocol.spec.document import task_to_document  # noqa: PLC0415

    return task_to_document(task)


def _document(graph: "GraphSpec | Mapping[str, Any]") -> dict[str, Any]:
    if isinstance(graph, Mapping):
        return dict(graph)
    # Late: whoever submits a document need not pay for the Structs.
    from orch_actors.protocol.spec.document import to_document  # noqa: PLC0415

    return to_document(graph)


def folder(base_dir: str | None) -> str:
    """The absolute folder for relative paths; None: the current one.

    Raises:
        EnvironmentFault: the current folder is needed and gone.
    """
    try:
        return os.path.abspath(os.path.expanduser(base_dir) if base_dir else os.getcwd())
    except FileNotFoundError as error:
        raise EnvironmentFault(
            "the current folder does not exist any more", "change to another one, or name it with base_dir", 111
        ) from error
