"""What went wrong, in the one form in which the command line tells it: code, message, hint, exit code.

Every expected fault ends here, whichever family it is of (`protocol/errors.py`); whatever does not is a bug and
belongs to `entry.py`. Knows no terminal: `entry.py` prints.

Exit codes: 0 good · 1 a graph did not end in `done` · 2 usage · 3 no daemon · 4 refused · 100 and 111 the
environment (a lasting fault, one that may pass) · 124 a wait timed out · 130 interrupted · 70 a bug.
"""

from typing import Final

from msgspec import Struct

from orch_actors.protocol.errors import (
    EnvironmentFault,
    ErrorInfo,
    OrchError,
    PeerFault,
    Problem,
    Refused,
    Unavailable,
)

GOOD: Final = 0
NOT_DONE: Final = 1
USAGE: Final = 2
NO_DAEMON: Final = 3
REFUSED: Final = 4
BUG: Final = 70
ENVIRONMENT: Final = 100
ENVIRONMENT_FOR_NOW: Final = 111
TIMED_OUT: Final = 124
INTERRUPTED: Final = 130
#: What a shell reports for a program that SIGPIPE ended.
BROKEN_PIPE: Final = 141


class Fault(Struct, frozen=True, kw_only=True):
    """One fault, as it is shown.

    The codes are those of ErrorCode, and USAGE, ENVIRONMENT, TIMED_OUT, INTERRUPTED, BUG.
    """

    code: str
    message: str
    hint: str = ""
    problems: tuple[Problem, ...] = ()
    exit_code: int = USAGE

    def document(self) -> dict[str, object]:
        """`{"error": {"code", "message", "hint"}}`, and `problems` where a document has some."""
        error: dict[str, object] = {"code": self.code, "message": self.message, "hint": self.hint}
        if self.problems:
            error["problems"] = self.problems
        return {"error": error}


class CommandFault(OrchError):
    """A fault that the command line itself found."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def usage(message: str, hint: str = "") -> CommandFault:
    """The command was typed wrong."""
    return CommandFault(Fault(code="USAGE", message=message, hint=hint, exit_code=USAGE))


def no_daemon(home: str, command: str) -> CommandFault:
    """Nobody listens; `command` starts the daemon of this home."""
    return CommandFault(
        Fault(
            code="UNAVAILABLE",
            message=f"no daemon is running for {home}",
            hint=f"start it: {command}",
            exit_code=NO_DAEMON,
        )
    )


def timed_out(message: str, hint: str = "") -> CommandFault:
    """What was waited for did not come in time."""
    return CommandFault(Fault(code="TIMED_OUT", message=message, hint=hint, exit_code=TIMED_OUT))


def interrupted(message: str = "interrupted", hint: str = "") -> CommandFault:
    """Ctrl-C."""
    return CommandFault(Fault(code="INTERRUPTED", message=message, hint=hint, exit_code=INTERRUPTED))


def environment(message: str, hint: str = "", exit_code: int = ENVIRONMENT) -> CommandFault:
    """The machine or its settings stand in the way."""
    return CommandFault(Fault(code="ENVIRONMENT", message=message, hint=hint, exit_code=exit_code))


def explain(error: OrchError | OSError) -> Fault:
    """The fault behind an error of any family."""
    match error:
        case CommandFault(fault=fault):
            return fault
        case Refused(info=info):
            return _refused(info)
        case Unavailable():
            return _unanswered(error)
        case EnvironmentFault(message=message, hint=hint, exit_code=exit_code, problems=problems):
            return Fault(code="ENVIRONMENT", message=message, hint=hint, exit_code=exit_code, problems=problems)
        case PeerFault():
            return Fault(
                code="ENVIRONMENT",
                message=f"the daemon's answer makes no sense here: {error}",
                hint="it may be of another version; restart it: orch-actors down, then orch-actors up",
                exit_code=ENVIRONMENT,
            )
        case OSError():
            place = f"{error.filename}: " if error.filename else ""
            return Fault(code="ENVIRONMENT", message=f"{place}{error.strerror or error}", exit_code=ENVIRONMENT_FOR_NOW)
        case _:
            return Fault(code="ENVIRONMENT", message=str(error), exit_code=ENVIRONMENT)


def _unanswered(error: Unavailable) -> Fault:
    """Nobody is there any more, or somebody is who does not answer: a stuck daemon, or another program's socket."""
    from orch_actors.cli.daemon.daemon import listener_at  # which imports us

    if error.endpoint.startswith("tcp:"):
        hint = (
            "is the daemon up, does its config.toml have [listen], is the way there open, and is your key on its list? "
        )
        return Fault(
            code="UNAVAILABLE", message=str(error), hint=hint + "there: orch-actors keys list", exit_code=NO_DAEMON
        )
    pid = listener_at(error.endpoint)
    if pid is None:
        message = f"the daemon went away: nobody listens at {error.endpoint} any more"
        hint = "daemon.log in its home says why; what it accepted is safe, and goes on with: orch-actors up"
    else:
        message = f"{error}, but process {pid} listens there" if pid else str(error)
        hint = "see daemon.log in its home: it is busy, stuck, or not the daemon at all; if it has to go, "
        hint += f"kill -9 {pid or 'it'} (nothing accepted is lost), then: orch-actors up"
    return Fault(code="UNAVAILABLE", message=message, hint=hint, exit_code=NO_DAEMON)


def _refused(info: ErrorInfo) -> Fault:
    return Fault(
        code=info.code,
        message=info.message,
        hint=info.hint or ("try again in a moment" if info.retriable else ""),
        problems=info.problems,
        exit_code=NO_DAEMON if info.code == "UNAVAILABLE" else REFUSED,
    )
