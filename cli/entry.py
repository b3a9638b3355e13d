"""The console script: run what was typed, turn what went wrong into an exit code and one clear message.

Nothing is imported here before it is needed: `version` starts no parser, and the hot verb `submit` goes through
`fast.py`, which reads plain argument lists itself; all else is typer's.
"""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orch_actors.cli.faults import Fault


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code (`faults.py`, or the README's table).
    """
    words = sys.argv[1:] if arguments is None else arguments
    _prepare_streams()
    try:
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        return _quiet_pipe()
    except KeyboardInterrupt as error:
        return _fail(error, words)
    except Exception as error:  # noqa: BLE001 (the entry point: everything ends as a message and an exit code)
        return _fail(error, words)
    return code


def _run(words: list[str]) -> int:
    from orch_actors.cli.fast import try_fast

    _check_utf8(words)
    code = try_fast(words)
    if code is not None:
        return code
    from orch_actors.cli.app import run_typer

    return run_typer(words)


def _prepare_streams() -> None:
    """A character that the terminal's encoding lacks is shown as an escape; it never raises.

    Streams that our parent has closed (`>&-`) are None; what is written there goes nowhere instead.
    """
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 (for the process's life; nobody reads it)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _check_utf8(words: list[str]) -> None:
    """Python lets bytes that are no UTF-8 through as lone surrogates, which no message can carry."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            from orch_actors.cli.faults import usage

            raise usage(f"{word!r} is not UTF-8", "give it in UTF-8") from None


def _fail(error: BaseException, words: list[str]) -> int:
    """Tell it, and give the exit code. Telling may meet a closed pipe as well."""
    from orch_actors.cli.output import tell_fault

    try:
        fault = _fault_of(error, words)
        tell_fault(fault, as_json=wants_json(words))
        sys.stdout.flush()
    except BrokenPipeError:
        return _quiet_pipe()
    except OSError:
        _silence()  # there is nowhere left to tell it
        return 111
    return fault.exit_code


def _fault_of(error: BaseException, words: list[str]) -> "Fault":
    from orch_actors.cli import faults
    from orch_actors.protocol.errors import OrchError

    if isinstance(error, OrchError | OSError):
        return faults.explain(error)
    if isinstance(error, KeyboardInterrupt):
        return faults.interrupted().fault
    # Only typer's own errors remain as expected; without typer loaded it cannot be one.
    if "typer" in sys.modules:
        from orch_actors.cli.app import fault_of_parser

        fault = fault_of_parser(error)
        if fault is not None:
            return fault
    from orch_actors.cli.crash import report_bug

    return report_bug(error, words)


def wants_json(words: list[str]) -> bool:
    """Whether --json was typed: known even where the rest could not be understood."""
    own = words[: words.index("--")] if "--" in words else words
    return "--json" in own


def _quiet_pipe() -> int:
    """The reader has gone, as `| head` does: no message, and none from the interpreter at exit either."""
    from orch_actors.cli.faults import BROKEN_PIPE

    _silence()
    return BROKEN_PIPE


def _silence() -> None:
    """What could not be written stays in its buffer, and the interpreter would try again at exit, and complain."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            os.dup2(null, stream.fileno())
        except (OSError, ValueError, AttributeError):
            continue
