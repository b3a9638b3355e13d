"""From a task to all that a host needs to run one attempt of it. Pure, but for making the graph's folder."""

import os
from collections.abc import Mapping

import msgspec

from orch_actors.actors.core.nodes import Task
from orch_actors.protocol.environment import allowed_variables
from orch_actors.protocol.hostwire import Launch
from orch_actors.protocol.ids import attempt_id


def attempt_stem(task: str, number: int) -> str:
    """Beginning of an attempt's file names. The id pattern allows nothing that a file name may not hold."""
    return f"{task}.{number}"


def graph_folder(attempts: str, journal: str, graph: str) -> str:
    """Folder of a graph's attempts. The journal's id is in it, so that a wiped state meets no old records."""
    return os.path.join(attempts, journal[-12:], graph)


def launch_of(task: Task, number: int, *, folder: str, boot: str, environment: Mapping[str, str]) -> Launch:
    """The launch of an attempt. `environment` is the daemon's own: the base where the submitter sent none."""
    base = task.graph.environment or allowed_variables(environment)
    return Launch(
        attempt=attempt_id(task.graph.id, task.id, number),
        folder=folder,
        stem=attempt_stem(task.id, number),
        work=msgspec.to_builtins(task.spec.work),
        cwd=task.spec.cwd or "/",
        env={**base, **task.spec.env},
        grace_s=task.spec.grace,
        boot=boot,
    )
