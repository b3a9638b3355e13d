"""From a task to all that a host needs to run one attempt of it.

Pure, but for reading a dependency's large result where the task refers to it.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from orch_actors.actors.attempts.feedback import feedback_of
from orch_actors.actors.attempts.judging import shown_to_judge
from orch_actors.actors.attempts.references import Filled, MissingReference, filled
from orch_actors.actors.context.layers import MAX_BEFORE, before
from orch_actors.actors.context.parts import assemble
from orch_actors.actors.context.reading import read_some
from orch_actors.actors.core.budgets import left_tokens, left_usd, whose
from orch_actors.actors.core.nodes import Task
from orch_actors.actors.core.state import State
from orch_actors.actors.worktrees import NO_WORKTREE, worktree_of
from orch_actors.protocol.environment import allowed_variables
from orch_actors.protocol.hostwire import Launch
from orch_actors.protocol.ids import attempt_id
from orch_actors.protocol.settings import Settings
from orch_actors.protocol.spec.references import ARTIFACTS, RESULT, WORKTREE
from orch_actors.protocol.spec.work import AGENTS
from orch_actors.protocol.workers import WorkerSettings

#: Most that the file of artifacts holds, about; and of it what one is without its path.
MAX_GIVEN_BYTES: Final = 1024 * 1024
_REFERENCE_BYTES: Final = 120


def attempt_stem(task: str, number: int) -> str:
    """Beginning of an attempt's file names. The id pattern allows nothing that a file name may not hold."""
    return f"{task}.{number}"


def graph_folder(attempts: str, journal: str, graph: str) -> str:
    """Folder of a graph's attempts. The journal's id is in it, so that a wiped state meets no old records."""
    return os.path.join(attempts, journal[-12:], graph)


def launch_of(
    task: Task,
    number: int,
    *,
    folder: str,
    environment: Mapping[str, str],
    settings: Settings,
    umask: int | None,
    journal: str = "",
    state: State | None = None,
    fill: bool = True,
) -> Launch:
    """The launch of an attempt.

    Args:
        task: the task, with that attempt.
        number: the attempt's.
        folder: where the graph's attempts have their files.
        environment: the daemon's own variables: the base where the submitter sent none.
        settings: the daemon's: of its worker type, and how much it may print.
        umask: that it runs with; None: the host's.
        journal: the journal's id.
        state: of which the task is a part; without it the attempt is told nothing of the tasks before it.
        fill: put in the results that it refers to; without them an attempt can be found and ended, not begun.

    Raises:
        MissingReference: it refers to a result that there is not.
    """
    spec = task.spec
    worker = settings.workers.get(spec.worker, WorkerSettings())
    base = task.graph.environment or allowed_variables(environment)

    def left_by(other: str, what: str) -> Any:
        return _left(task.graph.tasks.get(other), other, what, folder)

    done = Filled(msgspec.to_builtins(spec.work), spec.env)
    if fill:
        done = filled(done.work, done.env, left_by, [dependency.task for dependency in spec.depends_on])
    # A judge that is an agent has no tools, and is told what there is.
    in_one = whose(task).spec.worktree and (task.judged is None or (spec.kind or spec.worker) not in AGENTS)
    own = worktree_of(folder, whose(task).id) if in_one else NO_WORKTREE
    context = ""
    if fill and state is not None and spec.depends_on:
        context, _cut = assemble(before(state, task, folder), MAX_BEFORE, read_some)
    if task.judged is not None:
        prompt, context = shown_to_judge(task, folder=folder, name=journal)
        if prompt:
            done = Filled({**done.work, "prompt": prompt}, done.env)
    return Launch(
        attempt=attempt_id(task.graph.id, task.id, number),
        folder=folder,
        stem=attempt_stem(task.id, number),
        kind=spec.kind or spec.worker,
        work=done.work,
        settings=msgspec.to_builtins(worker),
        cwd=spec.cwd or "/",
        worktree=own.path,
        branch=own.branch,
        env={**base, **worker.env, **done.env},
        secrets=msgspec.to_builtins(spec.secrets),
        grace_s=spec.grace,
        boot=task.attempts[number - 1].boot,
        validate=None if spec.validate is None else msgspec.to_builtins(spec.validate),
        artifacts=spec.artifacts.paths,
        copies_limit=settings.copies_limit if spec.artifacts.copy else None,
        idle_timeout_s=spec.idle_timeout,
        output_limit=settings.output_limit,
        umask=umask,
        answer=_answer(task),
        session=task.attempts[number - 1].session,
        resume=task.attempts[number - 1].resume,
        feedback=feedback_of(task, number),
        context=context,
        given=artifacts_before(task) if fill else {},
        left_usd=left_usd(task),
        left_tokens=left_tokens(task),
    )


def _answer(task: Task) -> dict[str, Any] | None:
    decision = task.answer
    if decision is None:
        return None
    return {
        "ref": decision.ref,
        "about": decision.about,
        "question": decision.question,
        "choice": decision.choice,
        "note": decision.note,
    }


def artifacts_before(task: Task) -> dict[str, Any]:
    """The artifacts of the tasks that it depends on, in its order, as far as a launch may hold; empty: none has any."""
    told: dict[str, Any] = {}
    left_out: list[str] = []
    used = 0
    for dependency in task.spec.depends_on:
        other = task.graph.tasks[dependency.task]
        files = [msgspec.to_builtins(file) for file in (other.attempts[-1].artifacts if other.attempts else ())]
        used += sum(_REFERENCE_BYTES + len(file["path"].encode()) for file in files)
        if files and used <= MAX_GIVEN_BYTES:
            told[other.id] = files
        elif files:
            left_out.append(other.id)
    return {"tasks": told, "left_out": left_out} if told or left_out else {}


def _left(task: Task | None, name: str, what: str, folder: str) -> Any:
    """What a task left. Raises MissingReference."""
    if what == RESULT:
        return _result(task, name, folder)
    if what == ARTIFACTS:
        return _paths(task, name)
    if task is None or not task.spec.worktree or not task.attempts:
        raise MissingReference(f"`{name}` has no worktree")
    own = worktree_of(folder, name)
    return own.path if what == WORKTREE else own.branch


def _paths(task: Task | None, name: str) -> list[str]:
    """Where the artifacts of a task are."""
    files = task.attempts[-1].artifacts if task is not None and task.attempts else ()
    if not files:
        raise MissingReference(f"`{name}` left no artifacts")
    return [file.path for file in files]


def _result(task: Task | None, name: str, folder: str) -> Any:
    """The JSON value that a task handed back."""
    for attempt in reversed(task.attempts) if task is not None else ():
        if attempt.result is not None:
            return msgspec.json.decode(attempt.result)
        if attempt.result_in_file:
            path = os.path.join(folder, attempt_stem(name, attempt.number) + ".result")
            try:
                with open(path, "rb") as file:
                    return json.loads(file.read())
            except (OSError, ValueError, RecursionError) as error:
                raise MissingReference(f"the result of {name} cannot be read: {error}") from error
    raise MissingReference(f"{name} has no result")
