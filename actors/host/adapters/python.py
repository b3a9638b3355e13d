"""Worker type `python`: a function or a script, in the daemon's interpreter or one that the task names."""

import os
import sys
from typing import Any

from orch_actors.actors.host.adapters.plans import RunnerPlan, work_of
from orch_actors.actors.host.adapters.programs import find_program
from orch_actors.actors.host.place import CannotSpawn
from orch_actors.protocol.hostwire import Launch
from orch_actors.protocol.spec.work import PythonWork


class PythonAdapter:
    """See Adapter."""

    def prepare(self, launch: Launch) -> RunnerPlan:
        """See Adapter."""
        work = work_of(launch, PythonWork)
        job: dict[str, Any] = {
            "args": work.args,
            "path": [launch.cwd, *(os.path.join(launch.cwd, os.path.expanduser(folder)) for folder in work.path)],
        }
        if work.call is not None:
            job["call"] = work.call
        elif work.script is not None and _is_path(work.script):
            job["file"] = _script_file(work.script, launch.cwd)
        else:
            job["source"] = work.script
        return RunnerPlan(interpreter=_interpreter(work, launch), job=job)


def _interpreter(work: PythonWork, launch: Launch) -> str:
    if work.interpreter is None:
        return sys.executable
    try:
        return find_program(os.path.expanduser(work.interpreter), launch.env, launch.cwd)
    except CannotSpawn as error:
        raise CannotSpawn(f"interpreter: {error}") from error


def _is_path(script: str) -> bool:
    """A single line that ends in .py is a path; anything else is source."""
    return script.endswith(".py") and "\n" not in script


def _script_file(script: str, cwd: str) -> str:
    path = os.path.join(cwd, os.path.expanduser(script))
    if not os.path.isfile(path):
        raise CannotSpawn(f"script {path} is not there")
    if not os.access(path, os.R_OK):
        raise CannotSpawn(f"script {path} is not readable")
    return path
