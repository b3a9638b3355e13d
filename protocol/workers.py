"""What `config.toml` says of a worker type: `[workers.NAME]`.

The place for a setting of a worker type: a field here, and in _FOR the kinds that heed it; everywhere else it is
refused by name.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.ids import ID_RULE, is_id
from orch_actors.protocol.spec.failures import FAILURES
from orch_actors.protocol.spec.hints import listed
from orch_actors.protocol.spec.work import AGENTS, BUILT_IN, KINDS


class WorkerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One worker type: one of the built-in ones, or one that is named here and has a `kind`."""

    limit: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    #: What its tasks say and how they are run; a built-in type's is its name.
    kind: str | None = None
    #: Variables that its attempts have, unless their tasks say otherwise.
    env: dict[str, str] = {}
    # The following are of agents.
    #: Its program, a path or a name on PATH; not given: the kind's own name.
    program: str | None = None
    #: Its model, where a task names none.
    model: str | None = None
    #: Seconds that it may be silent, and live after its last word; in the file also text such as "10m".
    silence: Annotated[float, Meta(gt=0)] | None = None
    after_result: Annotated[float, Meta(gt=0)] | None = None
    # The following are of kind `agent` alone (actors/host/adapters/agent.py).
    #: The program and its arguments, with {prompt} and others in them; a list within is left out as a whole where
    #: what it names is not given.
    argv: tuple[str | tuple[str, ...], ...] = ()
    #: The same, to go on with {session}.
    resume_argv: tuple[str | tuple[str, ...], ...] = ()
    #: What it reads on stdin.
    stdin: Literal["prompt", "nothing"] = "nothing"
    #: What it prints, and where in that is what; a place is `name.name`, or `name.name[name=value]`.
    output: Literal["text", "json", "jsonl"] = "text"
    text: str | None = None
    session: str | None = None
    turns: str | None = None
    cost: str | None = None
    input_tokens: str | None = None
    output_tokens: str | None = None
    error: str | None = None
    done: str | None = None
    #: Failure class → a regular expression that is found in what it says of its failure.
    failures: dict[str, str] = {}


_OF_AGENT: Final = (
    "argv",
    "resume_argv",
    "stdin",
    "output",
    "text",
    "session",
    "turns",
    "cost",
    "input_tokens",
    "output_tokens",
    "error",
    "done",
    "failures",
)

#: Setting → the kinds that heed it; what is not named here is for all.
_FOR: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(("model", "silence", "after_result"), AGENTS),
    "program": AGENTS - {"agent"},
    **dict.fromkeys(_OF_AGENT, frozenset({"agent"})),
}


def check_worker(path: str, name: str, worker: WorkerSettings) -> None:
    """Hold one worker type's settings against its kind.

    Raises:
        EnvironmentFault: they make no sense; names the file and the setting.
    """
    where = f"{path}: [workers.{name}]"
    _check_kind(path, name, worker)
    kind = worker.kind or name
    unset = msgspec.structs.asdict(WorkerSettings())
    for field, value in msgspec.structs.asdict(worker).items():
        if value != unset[field] and kind not in _FOR.get(field, {kind}):
            raise EnvironmentFault(
                f"{where}: {field} means nothing to kind {kind!r}",
                f"it is for {listed(sorted(_FOR[field]))}; leave it out",
            )
    if kind == "agent":
        _check_agent(where, worker)


def _check_kind(path: str, name: str, worker: WorkerSettings) -> None:
    if name in BUILT_IN:
        if worker.kind not in (None, name):
            raise EnvironmentFault(
                f"{path}: [workers.{name}]: kind is {worker.kind!r}", "the built-in types' kinds are their names"
            )
    elif not is_id(name):
        raise EnvironmentFault(f"{path}: {name!r} is no name for a worker type", f"expected {ID_RULE}")
    elif worker.kind is None:
        raise EnvironmentFault(
            f"{path}: there is no worker type {name!r}",
            f"the worker types are {', '.join(BUILT_IN)}; one more is made by its kind = {' | '.join(KINDS)}",
        )
    elif worker.kind not in KINDS:
        raise EnvironmentFault(
            f"{path}: [workers.{name}]: no kind is called {worker.kind!r}", f"there are {', '.join(KINDS)}"
        )


#: What may stand in `argv`.
PLACEHOLDERS: Final = ("prompt", "model", "session", "system_prompt", "max_turns", "budget_usd", "schema", "cwd")


def _check_agent(where: str, worker: WorkerSettings) -> None:
    if not worker.argv or not isinstance(worker.argv[0], str):
        raise EnvironmentFault(f"{where}: argv is missing", 'give the program and its arguments: ["codex", "exec", …]')
    parts = [*_texts(worker.argv), *_texts(worker.resume_argv)]
    for name in {name for text in parts for name in re.findall(r"\{([a-z_]+)\}", text)}:
        if name not in PLACEHOLDERS:
            raise EnvironmentFault(f"{where}: argv names {{{name}}}", f"there are {listed(list(PLACEHOLDERS))}")
    if worker.stdin != "prompt" and not any("{prompt}" in text for text in _texts(worker.argv)):
        raise EnvironmentFault(
            f"{where}: nothing tells it the prompt", 'name {prompt} in argv, or say stdin = "prompt"'
        )
    if worker.output != "text" and worker.text is None:
        raise EnvironmentFault(
            f"{where}: text is missing", 'say where in its output the answer is, for example: text = "result"'
        )
    for cls, pattern in worker.failures.items():
        if cls not in FAILURES:
            raise EnvironmentFault(f"{where}: failures names {cls!r}", f"the classes are {listed(list(FAILURES))}")
        try:
            re.compile(pattern)
        except re.error as error:
            raise EnvironmentFault(
                f"{where}: the pattern for {cls} is no regular expression: {error}", "correct it"
            ) from error


def _texts(argv: tuple[str | tuple[str, ...], ...]) -> list[str]:
    return [text for part in argv for text in ((part,) if isinstance(part, str) else part)]
