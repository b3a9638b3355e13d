"""Answers and errors as text, for clients that show an agent no structured content. Pure."""

from typing import Any, Final

import msgspec

from orch_actors.cli.faults import Fault
from orch_actors.cli.mcp import bounds
from orch_actors.cli.mcp import forms as f
from orch_actors.protocol.visible import many_lines

#: What an error leaves open, by its code: what to do next where its own hint is for people at a terminal, or empty.
_NEXT: Final = {
    "UNKNOWN_GRAPH": "orch_status without id lists what was submitted from here",
    "UNKNOWN_TASK": "orch_status with the graph's id shows its tasks",
    "UNKNOWN_ATTEMPT": "orch_status shows which attempts there were; a task that never ran has none",
    "AMBIGUOUS_ID": "use the whole id, such as g7",
    "NO_RESULT": "orch_status says whether it has ended; orch_logs has what it printed",
    "NOT_ALLOWED": "orch_status says how it stands",
    "KEY_CONFLICT": "the graph differs from the one that had this key: use a new key, or submit the same again",
    "STALE_VERSION": "look at the graph again with orch_status",
    "ANSWERED": "nothing: the answer stands",
    "UNKNOWN_DECISION": "orch_decisions lists the open ones",
    "OVERLOADED": "call again in a moment",
    "DISK_FULL": "make room on the disk, then call again",
    "STOPPING": "call again in a moment",
    "UNAVAILABLE": "call again; the daemon is started where none runs",
    "INVALID_GRAPH": "correct the graph and submit again; nothing was accepted",
    "ENVIRONMENT": "a person has to look at this machine",
}


def text_of(told: f.Tells) -> str:
    """An answer as text: its own text, or lines, then what makes sense next."""
    document: dict[str, Any] = msgspec.to_builtins(told)
    next_ = document.pop("next", "")
    parts = [_text(name, value) for name, value in document.items()]
    parts += [f"next: {next_}"] if next_ else []
    return bounds.piece(many_lines("\n".join(part for part in parts if part)), bounds.ANSWER)[0] or "nothing"


def _text(name: str, value: Any) -> str:
    if name == "text":
        return str(value)
    if isinstance(value, list):
        return "\n".join([f"{name}:", *(f"- {_item(one)}" for one in value)])
    return f"{name}: {value if isinstance(value, str) else bounds.spelled(value)}"


def _item(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    line = str(value.pop("line", ""))
    if line:
        value = {name: rest for name, rest in value.items() if name in ("failed", "decisions")}
    return f"{line}{' ' if line and value else ''}{bounds.spelled(value) if value else ''}"


def text_of_fault(fault: Fault, tool: str) -> str:
    """An error: what is wrong, each place, and what to do next. Never without that."""
    lines = [f"{fault.code}: {fault.message}"]
    problems = [str(problem) for problem in fault.problems if str(problem) not in fault.message]
    lines += [f"- {bounds.line(problem, 300)}" for problem in problems[:10]]
    if len(problems) > 10:
        lines.append(f"- … and {len(problems) - 10} more")
    hints = [hint for hint in (_NEXT.get(fault.code, ""), fault.hint) if hint]
    text = bounds.piece("\n".join(lines), bounds.ERROR - 900)[0]
    hint = bounds.line("; ".join(hints) or f"correct what {tool} was given, and call it again", 800)
    return many_lines(f"{text}\nnext: {hint}")[: bounds.ERROR]
