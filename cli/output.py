"""Where text leaves: stdout for answers, stderr for what is about them; one JSON form for every verb.

No rich, no logging: `submit` comes through here too.
"""

import os
import sys
from typing import TYPE_CHECKING, TextIO

import msgspec

from orch_actors.cli.escape import json_text, one_line
from orch_actors.cli.faults import Fault

if TYPE_CHECKING:
    from orch_actors.cli.render.style import Style


def say(text: str = "") -> None:
    """A line of the answer. The text is safe already: renderers escape what comes from outside."""
    print(text)


def say_json(value: object) -> None:
    """The answer as one line of JSON."""
    print(json_text(msgspec.json.encode(value).decode()))


def note(text: str) -> None:
    """A line about the answer, on stderr."""
    print(text, file=sys.stderr)


def tell_fault(fault: Fault, *, as_json: bool) -> None:
    """An error: JSON on stdout, or for people on stderr: what is wrong, where, and what to do."""
    if as_json:
        say_json(fault.document())
        return
    note(f"{'' if fault.code == 'INTERRUPTED' else 'error: '}{one_line(fault.message)}")
    for problem in fault.problems:
        # One problem alone is told by the message already.
        if str(problem) not in fault.message:
            note(f"  {one_line(str(problem))}")
    if fault.hint:
        note(f"hint: {one_line(fault.hint)}")


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person looks at it."""
    return stream is not None and not stream.closed and stream.isatty()


def may_colour(stream: TextIO | None) -> bool:
    """Colour only for a terminal that can show it and a person who did not say no (https://no-color.org)."""
    return may_redraw(stream) and not os.environ.get("NO_COLOR")


def may_redraw(stream: TextIO | None) -> bool:
    """Whether lines that were written can be written anew."""
    return is_terminal(stream) and os.environ.get("TERM", "dumb") != "dumb"


def stdout_style() -> "Style":
    """What stdout can show: colour, symbols, how wide."""
    from orch_actors.cli.render.style import Style

    terminal = is_terminal(sys.stdout)
    return Style(
        colour=may_colour(sys.stdout),
        unicode="utf" in (getattr(sys.stdout, "encoding", None) or "").lower(),
        width=os.get_terminal_size(sys.stdout.fileno()).columns if terminal else 0,
    )
