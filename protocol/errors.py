"""Errors that cross the wire or reach a caller, in four families by who must act (README: Errors).

Exceptions never cross a process: what travels is an ErrorInfo. Each carries fields; its text is derived.
"""

from typing import Literal

from msgspec import Struct

#: Every code a reply may carry. SPEC.md explains each; tests hold the two together.
ErrorCode = Literal[
    "INVALID_GRAPH",  # the document has problems; see `problems`
    "INVALID_REQUEST",  # the request's body is not one that SPEC.md allows
    "UNSUPPORTED_VERSION",  # the peer speaks another protocol version
    "UNKNOWN_GRAPH",
    "UNKNOWN_TASK",
    "UNKNOWN_ATTEMPT",
    "AMBIGUOUS_ID",  # a prefix or name fits several graphs
    "NO_RESULT",  # the task has none (yet)
    "NOT_ALLOWED",  # the state does not allow it, such as cancelling what has ended
    "KEY_CONFLICT",  # the idempotency key was used for another graph
    "ID_CONFLICT",  # the command id was used for another body
    "ID_EXPIRED",  # the command id is older than the window of answered commands
    "DEADLINE_PASSED",  # it arrived after its client had given up; not executed
    "STALE_VERSION",  # --if-version: the graph has changed since
    "ANSWERED",  # the decision has another answer already
    "UNKNOWN_DECISION",
    "UNKNOWN_CONSUMER",
    "EVENTS_GONE",  # those events are not kept any more; `oldest` says which are
    "TOO_MANY_CONSUMERS",  # each keeps events; forget one that nobody uses
    "KEY_REVOKED",  # the client came by TCP with a key that is not on the list any more
    "OVERLOADED",  # too much at once; try again
    "DISK_FULL",  # nothing can be accepted until there is room; try again
    "STOPPING",  # the daemon is going down; try again with the next one
    "UNAVAILABLE",  # no daemon answers (said by clients, never by the daemon)
    "INTERNAL",  # a bug of ours
]


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing wrong with a document: where, what, and what was expected instead."""

    #: Path in the document: `tasks[2].retry.attempts`; a task is also named by its id where it has one.
    where: str
    message: str
    #: Line in the file, from 1; 0 where there is no file.
    line: int = 0

    def __str__(self) -> str:
        """`line 12: tasks[2].timeout: …`."""
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.where}: {self.message}" if self.where else f"{place}{self.message}"


class ErrorInfo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as it travels and as `--json` prints it."""

    code: ErrorCode
    message: str
    #: What to do now.
    hint: str = ""
    #: The same request may succeed later without being changed.
    retriable: bool = False
    problems: tuple[Problem, ...] = ()
    #: EVENTS_GONE: number of the oldest event that can be read.
    oldest: int | None = None


class OrchError(Exception):
    """The root of what this package raises on purpose."""


class Refused(OrchError):
    """The request cannot be carried out; the caller must change it (or wait, where `info.retriable`)."""

    def __init__(self, info: ErrorInfo) -> None:
        super().__init__(info.message)
        self.info = info

    @classmethod
    def because(
        cls,
        code: ErrorCode,
        message: str,
        hint: str = "",
        *,
        retriable: bool = False,
        problems: tuple[Problem, ...] = (),
    ) -> "Refused":
        """Build one without spelling out the ErrorInfo."""
        return cls(ErrorInfo(code=code, message=message, hint=hint, retriable=retriable, problems=problems))


class Unavailable(OrchError):
    """No daemon answers at the endpoint within the deadline. Whether a command was taken is not known:
    send it again with the same command id, it is executed at most once.
    """

    def __init__(self, endpoint: str, waited_s: float, command_id: str = "") -> None:
        super().__init__(f"no daemon answers at {endpoint} (waited {waited_s:.1f} s)")
        self.endpoint = endpoint
        self.waited_s = waited_s
        #: Id of the request that went unanswered.
        self.command_id = command_id


class PeerFault(OrchError):
    """The other side sent what SPEC.md does not allow. Counted and dropped; nobody dies of it."""


class EnvironmentFault(OrchError):
    """The machine or its settings stand in the way; the operator must act.

    `exit_code` follows s6: 100 for a lasting fault of configuration, 111 for one that may pass.
    """

    def __init__(
        self, message: str, hint: str, exit_code: Literal[100, 111] = 100, problems: tuple[Problem, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
        #: Each place in a file that is wrong; where it is only one, the message has it.
        self.problems = problems

    @property
    def whole(self) -> str:
        """Message and problems in one line, for a log."""
        more = [str(problem) for problem in self.problems if str(problem) not in self.message]
        return ": ".join([self.message, *(["; ".join(more)] if more else [])])
