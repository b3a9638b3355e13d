"""Claude Code: `claude -p --output-format stream-json --verbose`. Facts seen on 2.1.197.

It succeeded only with exit code 0, a result that is no error, and an answer. What it says of a failure is not always
in one place: a rate limit has subtype `success` and `is_error`, with the status beside it; one that it only heard of
comes as a `rate_limit_event`, with the time of the reset.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from orch_actors.actors.host.agents.job import Report
from orch_actors.actors.host.agents.streams import class_of_status, class_of_words, of_input, one_line

#: Result subtypes of its own bounds → class.
_SUBTYPES: Final = {
    "error_max_turns": "budget",
    "error_max_budget_usd": "budget",
    "error_max_structured_output_retries": "result",
}


class ClaudeStream:
    """See Stream."""

    def __init__(self, _options: Mapping[str, Any]) -> None:
        self.report = Report()
        self.ended = False
        self.hopeless = ""
        self.waiting: tuple[str, str] | None = None
        self._result: dict[str, Any] | None = None
        self._reset_utc: float | None = None
        self._limited = False
        #: Ids of tool calls → how they are told; whether the newest outcome was a refusal.
        self._calls: dict[str, str] = {}
        self._refused_last = False
        #: The API's last complaint.
        self._complaint = ""
        self._status: int | None = None

    def take(self, line: str) -> list[str]:
        """See Stream."""
        try:
            said = json.loads(line)
        except ValueError:
            return [line] if line.strip() else []
        if not isinstance(said, dict):
            return []
        if isinstance(said.get("session_id"), str):
            self.report.session = said["session_id"]
        match said.get("type"):
            case "assistant":
                return self._assistant(said)
            case "user":
                return self._tool_results(said)
            case "system":
                return self._system(said)
            case "rate_limit_event":
                return self._rate_limit(said.get("rate_limit_info"))
            case "result":
                return self._over(said)
            case _:
                return []

    def _assistant(self, said: dict[str, Any]) -> list[str]:
        if isinstance(said.get("error"), str):
            self._complaint = said["error"]
        lines = []
        for block in _blocks(said):
            if block.get("type") == "text" and str(block.get("text", "")).strip():
                lines.append(str(block["text"]).rstrip())
            elif block.get("type") == "tool_use":
                call = f"{block.get('name')} {of_input(block.get('input'))}".rstrip()
                self._calls[str(block.get("id"))] = call
                lines.append(f"→ {call}")
        return lines

    def _tool_results(self, said: dict[str, Any]) -> list[str]:
        lines = []
        for block in _blocks(said):
            if block.get("type") != "tool_result":
                continue
            text = one_line(_plain(block.get("content")))
            self._refused_last = bool(block.get("is_error")) and "permission" in text.lower()
            if block.get("is_error"):
                lines.append(f"  ✗ {text}")
        return lines

    def _system(self, said: dict[str, Any]) -> list[str]:
        if said.get("subtype") != "api_retry":
            return []
        status = said.get("error_status")
        self._status = status if isinstance(status, int) else None
        self._complaint = str(said.get("error") or "")
        if class_of_status(self._status) == "auth":  # it would try again for minutes
            self.hopeless = f"the API refuses its credentials ({status}: {self._complaint})"
        return [f"  … the API failed ({status}: {self._complaint}); it tries again"]

    def _rate_limit(self, info: object) -> list[str]:
        if not isinstance(info, dict):
            return []
        reset = info.get("resetsAt")
        self._reset_utc = float(reset) if isinstance(reset, int | float) else None
        self._limited = info.get("status") == "rejected"
        return [f"  … rate limit: {info.get('status')}"] if info.get("status") != "allowed" else []

    def _over(self, said: dict[str, Any]) -> list[str]:
        self._result, self.ended = said, True
        report = self.report
        report.text = str(said.get("result") or "")
        report.turns = _whole(said.get("num_turns"))
        cost = said.get("total_cost_usd")
        report.cost_usd = float(cost) if isinstance(cost, int | float) else None
        usage = said.get("usage")
        if isinstance(usage, dict):
            read = [_whole(usage.get(f"{name}input_tokens")) or 0 for name in ("", "cache_creation_", "cache_read_")]
            report.input_tokens, report.output_tokens = sum(read), _whole(usage.get("output_tokens"))
        denials = said.get("permission_denials")
        for denial in denials if isinstance(denials, list) else []:
            if isinstance(denial, dict):
                report.refused.append(f"{denial.get('tool_name')} {of_input(denial.get('tool_input'))}".rstrip())
        return []

    def complain(self, line: str) -> None:
        """See Stream."""

    def answer(self) -> Any:
        """See Stream."""
        return None if self._result is None else self._result.get("structured_output")

    def close(self, code: int, stderr: str) -> None:
        """See Stream."""
        report = self.report
        report.reset_utc = self._reset_utc if self._limited else None
        report.cls, report.message = self._judge(code, stderr)
        if report.cls == "quota" and report.reset_utc is None:
            report.reset_utc = self._reset_utc

    def _judge(self, code: int, stderr: str) -> tuple[str | None, str]:
        if self.hopeless:
            return "auth", self.hopeless
        result = self._result
        if result is None:
            words = one_line(stderr) or self._complaint
            cls = ("quota" if self._limited else None) or class_of_status(self._status) or class_of_words(words)
            return cls or "crash", f"it ended with exit code {code} and without a result" + (
                f": {words}" if words else ""
            )
        if result.get("is_error") or result.get("subtype") != "success":
            return self._failed(result)
        if code != 0:
            return "exit", f"it ended with exit code {code} after its result"
        if not self.report.text.strip() and self.answer() is None:
            if self.report.refused:
                return "permission", _refusal(self.report.refused)
            return "stalled", "it ended without an answer"
        if self._refused_last:  # and went no other way
            return "permission", _refusal(self.report.refused)
        return None, ""

    def _failed(self, result: dict[str, Any]) -> tuple[str, str]:
        errors = result.get("errors")
        said = "; ".join(map(str, errors)) if isinstance(errors, list) and errors else self.report.text
        status = result.get("api_error_status")
        cls = _SUBTYPES.get(str(result.get("subtype")))
        if cls is None and result.get("terminal_reason") == "prompt_too_long":
            cls = "context_overflow"
        if cls is None and self._limited:
            cls = "quota"
        if cls is None:
            cls = class_of_status(status if isinstance(status, int) else None) or class_of_words(said)
        return cls or "exit", one_line(said) or f"it failed: {result.get('subtype')}"


def _refusal(refused: list[str]) -> str:
    what = one_line(refused[-1]) if refused else "a tool call"
    return f"it was not allowed what it wanted to do: {what}; allowed_tools or permission_mode would let it"


def _blocks(said: dict[str, Any]) -> list[dict[str, Any]]:
    message = said.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _plain(content: object) -> str:
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
