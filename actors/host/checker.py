"""A program of its own: holds an attempt's stdout against a pattern, and its result against a JSON Schema.

Patterns are the user's, and there are patterns that take for ever: `re` then neither returns nor lets another thread of
its process run. So this happens in a process that can be killed, started by path, with nothing of this package in it.
`jsonschema` is imported only for a schema. stdin is the job, one line of JSON:

    out           path of stdout
    timeout_s     seconds after which whoever waits ends this process, unless it has died
    pattern       or absent
    schema        or absent; `result` is then the value

stdout gets a line of JSON for each of them as it is decided, so that it is known which one was not:
`{"part": "pattern" | "schema", "fault": "…"}`; no fault means that it holds.
"""

import codecs
import json
import math
import os
import re
import resource
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final

#: Characters of output that are searched at once.
WINDOW: Final = 4 * 1024 * 1024

#: In an output larger than a window: characters that a match, with all that it looks at around it, may span.
MARGIN: Final = 64 * 1024

#: Address space of this process: a pattern or a schema may want any amount.
_MOST_MEMORY: Final = 1 << 30

#: What it lives on beyond the timeout, with nobody there to end it.
_LONGER_S: Final = 10

_READ: Final = 1024 * 1024

#: Faults that are spelled out, and characters of each.
_SHOWN_FAULTS: Final = 3
_SHOWN: Final = 200


def main() -> None:
    """Decide what the job asks."""
    with suppress(OSError, ValueError):  # not everywhere; then the timeout must do
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    job = json.load(sys.stdin)
    # At its default the signal ends the process, also in the middle of a match.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(math.ceil(job["timeout_s"]) + _LONGER_S)
    if "pattern" in job:
        decide("pattern", lambda: pattern_fault(job["pattern"], job["out"]))
    if "schema" in job:
        decide("schema", lambda: schema_fault(job["schema"], job["result"]))


def decide(part: str, fault: Callable[[], str]) -> None:
    """Say what is wrong with one part, if anything; that it cannot be found out is a fault too."""
    try:
        said = fault()
    except Exception as error:  # noqa: BLE001 (no memory left, recursion without end, schemas that nobody thought of)
        said = f"cannot be decided: {shorten(f'{type(error).__name__}: {error}')}"
    sys.stdout.write(json.dumps({"part": part, "fault": said}) + "\n")
    sys.stdout.flush()


# --- pattern --------------------------------------------------------------------------------------------------


def pattern_fault(pattern: str, path: str) -> str:
    """Why the pattern does not hold, if it does not."""
    try:
        compiled = re.compile(pattern, re.MULTILINE)
    except re.error as error:
        return f"is no regular expression: {error}"
    try:
        return "" if is_found(compiled, text_of(path)) else "is not found in stdout"
    except OSError as error:
        return f"cannot be looked for: {error.strerror or error}"


def is_found(pattern: "re.Pattern[str]", pieces: Iterator[str], window: int = WINDOW, margin: int = MARGIN) -> bool:
    r"""Search a text of any length in bounded memory.

    Windows overlap by twice the margin. But at the text's true end a match that comes closer than the margin to the
    end of its window does not count: `$`, `\Z` and lookaheads would take that for the end of the text. It is whole
    in the next window, which is searched from its second character on, so that no `\A` matches there.
    """
    text, begin = "", 0
    for piece in pieces:
        text += piece
        if len(text) < window + margin:
            continue
        match = pattern.search(text, begin)
        if match is not None and match.end() <= len(text) - margin:
            return True
        text, begin = text[-2 * margin :], 1
    return pattern.search(text, begin) is not None


def text_of(path: str) -> Iterator[str]:
    """The file as it is now, piece by piece; what is no UTF-8 is replaced.

    Raises:
        OSError: it cannot be read, or is no file.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise OSError("stdout is not a file any more")
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        left = info.st_size  # something in the background may be writing on, for ever
        while left > 0 and (data := os.read(fd, min(left, _READ))):
            left -= len(data)
            yield decoder.decode(data)
        yield decoder.decode(b"", final=True)
    finally:
        os.close(fd)


# --- schema ---------------------------------------------------------------------------------------------------


def schema_fault(schema: Any, result: Any) -> str:
    """Why the result does not satisfy the schema, if it does not. Nothing is fetched from anywhere."""
    # Here, since they take 100 ms.
    import jsonschema  # type: ignore[import-untyped]  # noqa: PLC0415
    from jsonschema.validators import validator_for  # type: ignore[import-untyped]  # noqa: PLC0415
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # noqa: PLC0415
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    # 2020-12, unless the schema names another draft.
    kind = validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        return f"is no JSON Schema: {where(error)}{shorten(error.message)}"
    try:
        errors = list(islice(kind(schema, registry=REGISTRY).iter_errors(result), _SHOWN_FAULTS + 1))
    except re.error as error:
        return f"holds what is no regular expression: {error}"
    except Unresolvable as error:
        return f"cannot be used: {shorten(str(error))}"
    except jsonschema.exceptions.UnknownType as error:
        return f"names a type that is none: {error.type}"
    if not errors:
        return ""
    told = "; ".join(f"{where(error)}{shorten(error.message)}" for error in errors[:_SHOWN_FAULTS])
    more = "; and more" if len(errors) > _SHOWN_FAULTS else ""
    return f"is not satisfied by the result: {told}{more}"


def where(error: Any) -> str:
    """The place in the instance."""
    path = "".join(f"/{step}" for step in error.absolute_path)
    return f"at {shorten(path)}: " if path else ""


def shorten(text: str) -> str:
    """Its beginning and its end: a message begins with the value and ends with what is wrong with it."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}…{text[1 - _SHOWN // 2 :]}"


if __name__ == "__main__":
    main()
