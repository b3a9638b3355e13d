"""What `config.toml` says of a worker type: `[workers.NAME]`.

The place for a setting of a worker type: a field here, and in _FOR the kinds that heed it; everywhere else it is
refused by name.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from orch_actors.protocol.ids import ID_RULE, is_id
from orch_actors.protocol.spec.durations import Duration
from orch_actors.protocol.spec.failures import FAILURES
from orch_actors.protocol.spec.hints import did_you_mean, listed
from orch_actors.protocol.spec.places import Finding
from orch_actors.protocol.spec.work import AGENTS, BUILT_IN, KINDS, AgentWork, Work


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
    #: How long it may be silent, and live after its last word.
    silence: Duration | None = None
    after_result: Duration | None = None
    # The following are of kind `agent` alone (actors/host/adapters/agent.py).
    #: The program and its arguments, with {prompt} and others in them; a list within is left out as a whole where
    #: what it names is not given.
    argv: tuple[str | tuple[str, ...], ...] = ()
    #: The same, to go on with {session}.
    resume_argv: tuple[str | tuple[str, ...], ...] = ()
    #: What it reads on stdin.
    stdin: Literal["prompt", "nothing"] = "nothing"
    #: What it prints, and where in that is what; a place is `name.name`, or `name.name[name=value]`; `*` is every name.
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


def worker_faults(name: str, worker: WorkerSettings) -> Iterator[Finding]:
    """What is wrong with one worker type's settings beside their types; paths begin in them."""
    kind = worker.kind or name
    yield from _kind_faults(name, worker)
    if kind not in KINDS:
        return
    unset = msgspec.structs.asdict(WorkerSettings())
    for field, value in msgspec.structs.asdict(worker).items():
        if value != unset[field] and kind not in _FOR.get(field, {kind}):
            these = listed(sorted(_FOR[field]))
            yield Finding((field,), f"means nothing to kind `{kind}`: it is for {these}; leave it out")
    for field, seconds in (("silence", worker.silence), ("after_result", worker.after_result)):
        if seconds == 0:
            yield Finding((field,), "is 0, which would end it at once: leave it out where there is to be no bound")
    if kind == "agent":
        yield from _agent_faults(worker)


def _kind_faults(name: str, worker: WorkerSettings) -> Iterator[Finding]:
    if name in BUILT_IN:
        if worker.kind not in (None, name):
            yield Finding(("kind",), f"kind is {worker.kind!r}: the built-in types' kinds are their names")
        return
    if not is_id(name):
        yield Finding((), f"{name!r} is no name for a worker type: expected {ID_RULE}")
    if worker.kind is None:
        meant = did_you_mean(name, BUILT_IN) or f"; there are {listed(list(BUILT_IN))}"
        yield Finding((), f"there is no worker type {name!r}{meant} (another one is made by its `kind`)")
    elif worker.kind not in KINDS:
        meant = did_you_mean(worker.kind, KINDS) or f"; there are {listed(list(KINDS))}"
        yield Finding(("kind",), f"no kind is called {worker.kind!r}{meant}")


#: What may stand in `argv`.
PLACEHOLDERS: Final = ("prompt", "model", "session", "system_prompt", "max_turns", "budget_usd", "schema", "cwd")


def _agent_faults(worker: WorkerSettings) -> Iterator[Finding]:
    if not worker.argv or not isinstance(worker.argv[0], str):
        yield Finding(("argv",), 'is missing: expected the program and its arguments: ["codex", "exec", …]')
        return
    for field, argv in (("argv", worker.argv), ("resume_argv", worker.resume_argv)):
        for name in dict.fromkeys(name for text in _texts(argv) for name in re.findall(r"\{([a-z_]+)\}", text)):
            if name not in PLACEHOLDERS:
                yield Finding((field,), f"names {{{name}}}: there are {listed(list(PLACEHOLDERS))}")
    if worker.stdin != "prompt" and not any("{prompt}" in text for text in _texts(worker.argv)):
        yield Finding(("argv",), 'nothing tells it the prompt: name {prompt}, or say stdin = "prompt"')
    if worker.output != "text" and worker.text is None:
        yield Finding(("text",), 'is missing: say where in its output the answer is, for example: text = "result"')
    for cls, pattern in worker.failures.items():
        if cls not in FAILURES:
            meant = did_you_mean(cls, FAILURES) or f"; the classes are {listed(list(FAILURES))}"
            yield Finding(("failures", cls), f"is no failure class{meant}")
        try:
            re.compile(pattern)
        except re.error as error:
            yield Finding(("failures", cls), f"is no regular expression: {error}")


def lacking(worker: WorkerSettings) -> dict[str, str]:
    """Fields that an agent's task of this described type cannot have, since its program cannot be told; each with why.

    What argv does not name, its driver sees to where it can: `system_prompt` and `json_schema` go into the prompt, and
    a program that tells its turns or costs as it goes is ended.
    """
    named = {name for text in _texts(worker.argv) for name in re.findall(r"\{([a-z_]+)\}", text)}
    found: dict[str, str] = {}
    if "model" not in named:
        found["model"] = "name {model} in its argv"
    for field, place in (("max_turns", worker.turns), ("budget_usd", worker.cost)):
        if field not in named and (place is None or worker.output != "jsonl"):
            what = "turns" if field == "max_turns" else "cost"
            found[field] = f"name {{{field}}} in its argv, or say where its jsonl output tells, in `{what}`"
    if not worker.resume_argv:
        found["session"] = "say in resume_argv how it goes on with one"
    return found


def lacking_in(work: Work, worker: WorkerSettings) -> Iterator[tuple[str, str]]:
    """Fields of a task that the program of its worker type, of kind `agent`, cannot heed: (field, what is wrong)."""
    if isinstance(work, AgentWork):
        given = msgspec.structs.asdict(work)
        for field, how in lacking(worker).items():
            if given[field] is not None:
                yield field, f"cannot be told to the program of this worker type: {how}, in config.toml"


def _texts(argv: tuple[str | tuple[str, ...], ...]) -> list[str]:
    return [text for part in argv for text in ((part,) if isinstance(part, str) else part)]
