"""What the adapters of coding agents have in common: the job that the driver is given, and what an agent is told.

The place for how a prompt is put together. What is peculiar to one program is in its own adapter.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from orch_actors.actors.host.adapters.plans import ShimPlan
from orch_actors.actors.host.adapters.programs import find_program
from orch_actors.actors.host.agents.job import Job
from orch_actors.actors.host.place import CannotSpawn
from orch_actors.actors.host.record import paths_of
from orch_actors.protocol.hostwire import Launch
from orch_actors.protocol.spec.work import AgentWork

#: Largest prompt file in bytes.
MAX_PROMPT_BYTES: Final = 1024 * 1024

#: How long a program may live after its last word.
AFTER_RESULT_S: Final = 10.0

#: How each program is had.
INSTALL: Final = {
    "claude": "npm install -g @anthropic-ai/claude-code",
    "opencode": "npm install -g opencode-ai",
    "codex": "npm install -g @openai/codex",
    "gemini": "npm install -g @google/gemini-cli",
}

_GO_ON: Final = "Go on with the task: do what is still missing, and say at the end what you did."

_OWN_BRANCH: Final = (
    "You work in a git worktree of your own, on the branch {branch}. Commit there what is to be kept; leave other "
    "branches and folders alone."
)


def program_of(kind: str, launch: Launch) -> str:
    """Absolute path of the agent's program: the worker type's `program`, else the kind's own name, on the task's PATH.

    Raises:
        CannotSpawn: it is not there; says how to have it.
    """
    name = launch.settings.get("program") or kind
    try:
        return find_program(os.path.expanduser(name), launch.env, launch.cwd)
    except CannotSpawn as error:
        how = f"; install it: {INSTALL[kind]}" if kind in INSTALL and name == kind else ""
        raise CannotSpawn(f"{error}{how}, or name it in config.toml: [workers.{kind}] program") from error


def described_program(name: str, launch: Launch) -> str:
    """The same of a program that config.toml describes, by the first word of its `argv`."""
    try:
        return find_program(os.path.expanduser(name), launch.env, launch.cwd)
    except CannotSpawn as error:
        how = f"; install it: {INSTALL[name]}" if name in INSTALL else ""
        raise CannotSpawn(f"{error}{how}; or correct `argv` of its worker type in config.toml") from error


def prompt_of(work: AgentWork, launch: Launch) -> str:
    """All that the agent is told: its task, what those before it have found, and why the attempt before failed.

    Raises:
        CannotSpawn: its prompt file cannot be used.
    """
    if launch.resume and launch.session and work.session is None:
        # It knows its task; what it has to hear is what was wrong, or answered.
        return "\n\n".join([part for part in (launch.feedback, _answer(launch), _GO_ON) if part])
    parts = [work.prompt if work.prompt is not None else _prompt_file(work.prompt_file or "", launch)]
    if launch.branch:
        parts.append(_OWN_BRANCH.format(branch=launch.branch))
    if launch.context:
        parts.append(f"What has been done before, by the tasks that this one builds on:\n\n{launch.context}")
    if launch.feedback:
        parts.append(f"This has been tried before. {launch.feedback}")
    if launch.answer is not None:
        parts.append(_answer(launch))
    return "\n\n".join(parts)


def _answer(launch: Launch) -> str:
    """What somebody decided about it, for the agent to heed."""
    answer = launch.answer
    if answer is None:
        return ""
    note = f" ({answer['note']})" if answer.get("note") else ""
    return f"To the question {answer['question']!r} the answer is: {answer['choice']}{note}"


def _prompt_file(name: str, launch: Launch) -> str:
    path = os.path.join(launch.given_in or launch.cwd, os.path.expanduser(name))
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_PROMPT_BYTES + 1)
    except OSError as error:
        raise CannotSpawn(f"prompt_file {path} cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_PROMPT_BYTES:
        raise CannotSpawn(f"prompt_file {path} has more than {MAX_PROMPT_BYTES} bytes")
    text = data.decode(errors="replace")
    if not text.strip():
        raise CannotSpawn(f"prompt_file {path} is empty")
    return text


def most_usd(work: AgentWork, launch: Launch) -> float | None:
    """Dollars that the attempt may use: its own bound, and what is left of its budget."""
    bounds = [bound for bound in (work.budget_usd, launch.left_usd) if bound is not None]
    return min(bounds, default=None)


def wants_json(schema: Mapping[str, Any]) -> str:
    """What tells an agent to answer in JSON, where its program has no option for it."""
    return (
        "Answer at the end with one JSON value in a ```json block, and nothing after it. "
        f"It must satisfy this JSON Schema: {json.dumps(schema)}"
    )


def anew(launch: Launch) -> Launch:
    """The same attempt, as if there were no session to go on with."""
    return msgspec.structs.replace(launch, resume=False)


def plan(
    launch: Launch,
    *,
    stream: str,
    argv: Sequence[str],
    stdin: str | None,
    fresh: tuple[Sequence[str], str | None] | None = None,
    silence_s: float | None = None,
    **options: Any,
) -> ShimPlan:
    """The driver's command, and the job file that it is to find.

    Args:
        launch: the attempt.
        stream: who reads its output.
        argv: the program's arguments.
        stdin: what it reads there; None: nothing.
        fresh: arguments and stdin for a new session, where the one to be resumed is not known any more.
        silence_s: how long it may be silent, where its worker type's settings do not say.
        options: other fields of the Job.
    """
    paths = paths_of(launch)
    settings = launch.settings
    job = Job(
        argv=list(argv),
        stream=stream,
        report=paths.agent,
        raw=paths.stream,
        result=paths.result,
        summary=paths.summary,
        cache=os.path.join(launch.folder, ".versions"),
        stdin=stdin,
        fresh=None if fresh is None else {"argv": list(fresh[0]), "stdin": fresh[1]},
        after_result_s=settings.get("after_result") or AFTER_RESULT_S,
        silence_s=settings.get("silence") or silence_s,
        max_tokens=launch.left_tokens,
        **options,
    )
    data = json.dumps(job.document()).encode()
    command = (sys.executable, "-E", "-P", "-m", "orch_actors.actors.host.agents", paths.job)
    return ShimPlan(command, files={paths.job: data})
