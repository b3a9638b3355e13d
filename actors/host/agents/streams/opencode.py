"""opencode: `opencode run --format json`. Facts seen on 1.18.33.

It says no result: the answer is the text of the last step, costs and tokens are added up over the steps. An empty
answer ends with exit code 0, and a rejected permission may; so no text is a failure. What it does about a rate limit is
to wait in silence, for hours if need be. Only its own log (`--print-logs`, on stderr) tells:

    timestamp=… level=ERROR run=… message="stream error" … error.error="AI_APICallError: Rate limit reached"
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from orch_actors.actors.host.agents.job import Report
from orch_actors.actors.host.agents.streams import class_of_status, class_of_words, of_input, one_line

#: Names of its errors → class.
_ERRORS: Final = {
    "ProviderAuthError": "auth",
    "ContextOverflowError": "context_overflow",
    "MessageOutputLengthError": "context_overflow",
}

#: What its log says of an API that did not answer.
_API_FAILED: Final = re.compile(r'level=ERROR .*message="stream error".* error\.error="(?:\w+: )?(?P<what>.*)"')


class OpencodeStream:
    """See Stream."""

    def __init__(self, _options: Mapping[str, Any]) -> None:
        self.report = Report(turns=0, cost_usd=0.0, input_tokens=0, output_tokens=0)
        self.ended = False
        self.hopeless = ""
        self.waiting: tuple[str, str] | None = None
        self._texts: list[str] = []
        self._failure: tuple[str, str] | None = None
        self._refused_last = False

    def take(self, line: str) -> list[str]:
        """See Stream."""
        try:
            said = json.loads(line)
        except ValueError:
            return [line] if line.strip() else []
        if not isinstance(said, dict):
            return []
        self.waiting = None
        if isinstance(said.get("sessionID"), str):
            self.report.session = said["sessionID"]
        part = said.get("part")
        if not isinstance(part, dict):
            part = {}
        match said.get("type"):
            case "step_start":
                self._texts.clear()
                return []
            case "text":
                self._texts.append(str(part.get("text", "")))
                return [self._texts[-1].rstrip()] if self._texts[-1].strip() else []
            case "tool_use":
                return self._tool(part)
            case "step_finish":
                self._step(part)
                return []
            case "error":
                return self._error(said.get("error"))
            case _:
                return []

    def _tool(self, part: dict[str, Any]) -> list[str]:
        state = part.get("state")
        state = state if isinstance(state, dict) else {}
        call = one_line(f"{part.get('tool')} {state.get('title') or of_input(state.get('input'))}", 140)
        failed = state.get("status") == "error"
        words = one_line(str(state.get("error") or state.get("output") or ""))
        self._refused_last = failed and any(word in words.lower() for word in ("permission", "rejected", "denied"))
        if self._refused_last:
            self.report.refused.append(call)
        return [f"→ {call}", *([f"  ✗ {words}"] if failed else [])]

    def _step(self, part: dict[str, Any]) -> None:
        report = self.report
        report.turns = (report.turns or 0) + 1
        cost, tokens = part.get("cost"), part.get("tokens")
        if isinstance(cost, int | float):
            report.cost_usd = round((report.cost_usd or 0.0) + cost, 9)
        if isinstance(tokens, dict):
            cache = tokens.get("cache")
            cached = sum(_whole(cache.get(name)) for name in ("read", "write")) if isinstance(cache, dict) else 0
            report.input_tokens = (report.input_tokens or 0) + _whole(tokens.get("input")) + cached
            report.output_tokens = (report.output_tokens or 0) + _whole(tokens.get("output"))
        report.text = "".join(self._texts).strip()
        self.ended = part.get("reason") not in ("tool-calls", "tool_calls", None)

    def _error(self, error: object) -> list[str]:
        error = error if isinstance(error, dict) else {}
        data = error.get("data")
        data = data if isinstance(data, dict) else {}
        name, words = (
            str(error.get("name") or "error"),
            one_line(str(data.get("message") or error.get("message") or "")),
        )
        status = data.get("statusCode")
        cls = _ERRORS.get(name) or class_of_status(status if isinstance(status, int) else None) or class_of_words(words)
        self._failure = (cls or "exit", f"{name}: {words}" if words else name)
        return [f"  ✗ {self._failure[1]}"]

    def complain(self, line: str) -> None:
        """See Stream."""
        failed = _API_FAILED.search(line)
        if failed is not None and class_of_words(failed["what"]) == "quota":
            self.waiting = ("quota", one_line(failed["what"]))

    def answer(self) -> Any:
        """See Stream."""
        return None

    def close(self, code: int, stderr: str) -> None:
        """See Stream."""
        report = self.report
        if not report.text:  # the last step_finish may be missing
            report.text = "".join(self._texts).strip()
        report.cls, report.message = self._judge(code, stderr)

    def _judge(self, code: int, stderr: str) -> tuple[str | None, str]:
        if self._failure is not None:
            return self._failure
        words = one_line(stderr)
        if code != 0:
            cls = class_of_words(words) or ("exit" if self.report.turns else "crash")
            return cls, f"it ended with exit code {code}" + (f": {words}" if words else "")
        if not self.report.text or self._refused_last:
            if self.report.refused:
                what = one_line(self.report.refused[-1])
                return "permission", f"it was not allowed what it wanted to do: {what}; `permission` would let it"
            return "stalled", "it ended without an answer"
        return None, ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
