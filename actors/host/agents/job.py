"""What the driver is given (the job) and what it leaves (the report), each a JSON file beside the attempt's record.

The job holds no secrets: those are in the environment, which the driver hands on.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

#: Longest text of an agent's that is kept in the report; the whole is in the log.
MAX_TEXT: Final = 32_000


@dataclass(frozen=True, slots=True)
class Job:
    """One run of an agent's program."""

    #: The program and its arguments.
    argv: list[str]
    #: Which reader its output needs (`streams/`), and what that is told.
    stream: str
    #: Files: the report, the raw stream, and those that the agent may write itself.
    report: str
    raw: str
    result: str
    summary: str
    #: What it reads on stdin; None: /dev/null.
    stdin: str | None = None
    #: Arguments and stdin of a new session, should the one that `argv` names not be known any more.
    fresh: dict[str, Any] | None = None
    #: Beginnings of versions that are known; none: any. The cache keeps what a program said of itself.
    versions: list[str] = field(default_factory=list)
    cache: str = ""
    #: Variables that the program has beside the driver's own.
    env: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    #: Its answer must be JSON; the driver takes it out of the text where the program has no form of its own for it.
    structured: bool = False
    #: Seconds that it may live after its last word, and be silent.
    after_result_s: float = 10.0
    silence_s: float | None = None
    #: Ends it where its program cannot bound itself.
    max_turns: int | None = None
    budget_usd: float | None = None
    max_tokens: int | None = None

    @classmethod
    def read(cls, path: str) -> Self:
        """The job in a file.

        Raises:
            OSError, ValueError, TypeError: there is none.
        """
        with open(path, encoding="utf-8") as file:
            return cls(**json.load(file))

    def document(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


@dataclass(slots=True)
class Report:
    """What became of it, as far as its stream and exit code tell."""

    #: Failure class; None: it succeeded.
    cls: str | None = None
    message: str = ""
    #: Its last answer.
    text: str = ""
    session: str = ""
    turns: int | None = None
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    #: Where a quota is used up: when there is more, in seconds since the epoch.
    reset_utc: float | None = None
    #: Tool calls that it was not allowed, a line each.
    refused: list[str] = field(default_factory=list)

    def write(self, path: str) -> None:
        """Put it down whole or not at all."""
        document = asdict(self)
        document["text"] = self.text[:MAX_TEXT]
        draft = f"{path}.new"
        with open(draft, "w", encoding="utf-8", errors="replace") as file:
            json.dump(document, file)
        os.replace(draft, path)
