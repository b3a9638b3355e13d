"""Any other agent, by configuration: where in its output are text, session, turns, cost and tokens.

    output = "text"      all of it is the answer
    output = "json"      one JSON value
    output = "jsonl"     a JSON value a line

A place is a path of names with dots, with a condition where only some lines count:
`item.text[item.type=agent_message]`; `*` stands for every name, and numbers found there are added up. Of `text`, the
last one found is the answer; numbers are added up, unless one line has the total (`json`). `error` finds what it says
of a failure, `failures` (class → pattern) tell its class.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from orch_actors.actors.host.agents.job import Report
from orch_actors.actors.host.agents.streams import class_of_words, one_line

#: Most of its output that is kept to be looked at as a whole, in characters.
_MOST: Final = 4_000_000


class Place(NamedTuple):
    """Where something is in a JSON value, and what must hold there."""

    path: tuple[str, ...]
    condition: tuple[tuple[str, ...], str] | None

    @classmethod
    def of(cls, text: str) -> "Place":
        """From its written form."""
        path, _, rest = text.partition("[")
        condition = None
        if rest:
            name, _, value = rest.rstrip("]").partition("=")
            condition = (tuple(name.strip().split(".")), value.strip())
        return cls(tuple(path.strip().split(".")), condition)

    def find(self, value: Any) -> Any:
        """What is there; None: nothing."""
        if self.condition is not None:
            path, wanted = self.condition
            found = _at(value, path)
            if (found if isinstance(found, str) else json.dumps(found)) != wanted:
                return None
        return _at(value, self.path)


class ProgramStream:
    """See Stream."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.report = Report()
        self.ended = False
        self.hopeless = ""
        self.waiting: tuple[str, str] | None = None
        self._output: Final[str] = options.get("output") or "text"
        self._places: Final = {
            name: Place.of(options[name])
            for name in ("text", "session", "turns", "cost", "input_tokens", "output_tokens", "error", "done")
            if options.get(name)
        }
        self._failures: Final[Mapping[str, str]] = options.get("failures") or {}
        self._whole: list[str] = []
        self._kept = 0
        self._error = ""

    def take(self, line: str) -> list[str]:
        """See Stream."""
        if self._output != "jsonl":
            if self._kept < _MOST:
                self._whole.append(line)
                self._kept += len(line) + 1
            return [line] if self._output == "text" else []
        try:
            said = json.loads(line)
        except ValueError:
            return [line] if line.strip() else []
        return list(self._look(said))

    def _look(self, said: Any) -> Iterator[str]:
        report, places = self.report, self._places
        found = {name: place.find(said) for name, place in places.items()}
        if isinstance(found.get("text"), str) and found["text"].strip():
            report.text = found["text"].strip()
            yield report.text
        if isinstance(found.get("session"), str):
            report.session = found["session"]
        if found.get("error"):
            error = found["error"]
            self._error = one_line(error if isinstance(error, str) else json.dumps(error))
            yield f"  ✗ {self._error}"
        if found.get("done") is not None:
            self.ended = True
        report.turns = _added(report.turns, found.get("turns"))
        report.input_tokens = _added(report.input_tokens, found.get("input_tokens"))
        report.output_tokens = _added(report.output_tokens, found.get("output_tokens"))
        cost = found.get("cost")
        if isinstance(cost, int | float):
            report.cost_usd = (report.cost_usd or 0.0) + cost

    def complain(self, line: str) -> None:
        """See Stream."""

    def answer(self) -> Any:
        """See Stream."""
        return None

    def close(self, code: int, stderr: str) -> None:
        """See Stream."""
        report = self.report
        whole = "\n".join(self._whole)
        if self._output == "text":
            report.text = whole.strip()
        elif self._output == "json":
            self._close_json(whole)
        report.cls, report.message = self._judge(code, stderr, whole if self._output == "text" else "")

    def _close_json(self, whole: str) -> None:
        try:
            list(self._look(json.loads(whole)))
        except ValueError:
            self._error = self._error or ("its output is no JSON: " + one_line(whole, 100) if whole.strip() else "")

    def _judge(self, code: int, stderr: str, said: str) -> tuple[str | None, str]:
        words = self._error or one_line(stderr)
        if code == 0 and not self._error:
            return (None, "") if self.report.text else ("stalled", "it ended without an answer")
        everything = "\n".join((self._error, stderr, said if code else ""))
        for cls, pattern in self._failures.items():
            if re.search(pattern, everything, re.IGNORECASE):
                return cls, words or f"it ended with exit code {code}"
        cls = class_of_words(words) or ("crash" if code > 128 else "exit")
        return cls, f"it ended with exit code {code}" + (f": {words}" if words else "")


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for place, name in enumerate(path):
        if name == "*":
            inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
            return _together([found for each in inner if (found := _at(each, path[place + 1 :])) is not None])
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.lstrip("-").isdecimal() and -len(value) <= int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _together(found: list[Any]) -> Any:
    """What was found at several places: the sum of numbers, of anything else the last."""
    if found and all(isinstance(each, int | float) and not isinstance(each, bool) for each in found):
        return sum(found)
    return found[-1] if found else None


def _added(before: int | None, found: Any) -> int | None:
    if isinstance(found, bool) or not isinstance(found, int):
        return before
    return (before or 0) + found
