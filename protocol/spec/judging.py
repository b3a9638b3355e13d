"""What a task may say of its judges: sub-agents that are asked for a verdict on it, or to answer its decisions.

A judge is run as a task of its own would be (`build#judge-1`); what it does is said in the fields of its worker type's
kind, side by side with what it is to judge by. The place for what a judge hands back: the two schemas here.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from orch_actors.protocol.spec.durations import Duration
from orch_actors.protocol.spec.work import AGENTS, KINDS, ClaudeWork, OpencodeWork

#: What a judge that broke means for its task.
OnError = Literal["ask", "accept", "reject"]

#: Who answers a task's decisions. Where a judge is not sure: `judge` the default stands, `judge_then_human` people do.
DecidedBy = Literal["human", "judge", "judge_then_human"]


class JudgeForm(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Who judges, and how; a subclass says what."""

    worker: str = "claude"
    #: See TaskSpec.kind.
    kind: str = ""
    #: Added to what an agent is told.
    prompt: str = ""
    model: str | None = None
    #: What a judge of kind shell or python runs; see ShellWork, PythonWork.
    command: str | tuple[str, ...] | None = None
    call: str | None = None
    script: str | None = None
    args: list[Any] | dict[str, Any] = []
    #: Longest time of one try of the judge's.
    timeout: Duration = 600.0
    #: Tries, where it breaks: it crashes, takes too long, or hands back what makes no sense.
    attempts: Annotated[int, Meta(ge=1, le=20)] = 2
    budget_usd: Annotated[float, Meta(gt=0)] | None = None


class Judge(JudgeForm, frozen=True, kw_only=True):
    """A verdict on each attempt that succeeded and is valid; the task is done only if it passes."""

    #: What must be so: texts, or texts by their ids. Texts alone are c1, c2, ….
    criteria: tuple[str, ...] | dict[str, str]
    on_error: OnError = "ask"
    #: Verdicts that may send it back; not given: as often as `retry` allows.
    max_rounds: Annotated[int, Meta(ge=1)] | None = None

    @property
    def by_id(self) -> dict[str, str]:
        """The criteria by their ids."""
        if isinstance(self.criteria, dict):
            return self.criteria
        return {f"c{number}": text for number, text in enumerate(self.criteria, start=1)}


class Deciding(JudgeForm, frozen=True, kw_only=True):
    """Who answers the questions about a task."""

    by: DecidedBy = "human"


_TEXT: Final = {"type": "string"}

#: What a judge hands back. `nonce` is asked of agents alone: it tells their own words from any that they quote.
VERDICT_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["verdict", "criteria"],
    "properties": {
        "nonce": _TEXT,
        "verdict": {"enum": ["pass", "fail", "unsure"]},
        "criteria": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "status", "evidence"],
                "properties": {
                    "id": _TEXT,
                    "status": {"enum": ["met", "unmet", "unverified"]},
                    "evidence": _TEXT,
                },
            },
        },
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["severity", "what"],
                "properties": {"severity": {"enum": ["block", "warn"]}, "what": _TEXT},
            },
        },
        "feedback": _TEXT,
        "impossible": {"type": "boolean"},
    },
}

#: What answers a decision.
CHOICE_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["choice"],
    "properties": {"nonce": _TEXT, "choice": _TEXT, "reason": _TEXT},
}

#: Stands for the prompt of an agent that judges, which is put together when it starts.
PROMPT_COMES: Final = "(put together when it starts)"


#: An agent that judges looks at what it is shown, and at nothing else. It runs where the work was done, which may have
#: left instructions there (CLAUDE.md, AGENTS.md), settings whose hooks are run, servers that are started. So it has no
#: tools, and nothing of the folder's is read.
_CLAUDE_ALONE: Final = ("--tools", "", "--setting-sources", "user", "--strict-mcp-config")
_OPENCODE_ALONE: Final = {"OPENCODE_DISABLE_PROJECT_CONFIG": "1", "OPENCODE_DISABLE_CLAUDE_CODE": "1"}


def variables_of_judge(kind: str) -> dict[str, str]:
    """The variables that a judge of this kind has beside its task's."""
    return dict(_OPENCODE_ALONE) if issubclass(KINDS[kind], OpencodeWork) else {}


def work_of_judge(judge: JudgeForm, kind: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The kind's own fields for a judge, as a document."""
    if kind == "shell":
        return {"command": judge.command}
    if kind == "python":
        found = {"call": judge.call, "script": judge.script, "args": judge.args}
        return {name: value for name, value in found.items() if value}
    words: dict[str, Any] = {
        "prompt": PROMPT_COMES,
        "model": judge.model,
        "json_schema": dict(schema),
        "budget_usd": judge.budget_usd,
    }
    if issubclass(KINDS[kind], ClaudeWork):
        words["extra_args"] = list(_CLAUDE_ALONE)
    if issubclass(KINDS[kind], OpencodeWork):
        words["permission"] = dict.fromkeys(("*", "bash", "edit", "read", "webfetch", "task"), "deny")
    return {name: value for name, value in words.items() if value is not None}


def judge_faults(judge: JudgeForm, kind: str) -> list[tuple[str, str]]:
    """What is wrong with a judge of this kind: (field, what)."""
    found: list[tuple[str, str]] = []
    if kind == "shell" and judge.command is None:
        found.append(("command", "is missing: a judge of kind shell needs it"))
    if kind == "python" and (judge.call is None) == (judge.script is None):
        found.append(("call", "expected either `call` or `script` for a judge of kind python"))
    given = {"command": judge.command, "call": judge.call, "script": judge.script, "args": judge.args or None}
    mine = {"shell": ("command",), "python": ("call", "script", "args")}.get(kind, ())
    found += [
        (name, f"means nothing to a judge of kind {kind}")
        for name, value in given.items()
        if value is not None and name not in mine
    ]
    if kind not in AGENTS:
        asked = {"model": judge.model, "budget_usd": judge.budget_usd, "prompt": judge.prompt or None}
        found += [
            (name, f"means nothing to a judge of kind {kind}") for name, value in asked.items() if value is not None
        ]
    return found
