"""What the verbs of `stress` share: options, exit codes, an end in order, the report."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer

GOOD: Final = 0
NOT_AS_EXPECTED: Final = 1

HomeOption = Annotated[
    str | None,
    typer.Option("--home", metavar="DIR", help="Use the daemon of this home.  [default: one of its own, for this run]"),
]

ReportOption = Annotated[
    str | None, typer.Option("--report", metavar="FILE", help="Write the JSON report here, whatever is printed.")
]


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Within the block TERM and HUP are as ctrl-C: what was started is ended, and nothing is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say so
        return
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def write_report(path: str, document: dict[str, Any]) -> None:
    """The JSON report, indented.

    Raises:
        OSError: it cannot be written.
    """
    import json

    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1, ensure_ascii=False)
        file.write("\n")
