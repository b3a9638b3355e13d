"""A bug of ours: one line for the person, the traceback into a file of the home, for the report."""

import os
import sys
import tempfile
import time
import traceback
from typing import Final

from orch_actors.cli.faults import BUG, Fault
from orch_actors.protocol.homes import Home
from orch_actors.protocol.version import VERSION

DEBUG_VARIABLE: Final = "ORCH_ACTORS_DEBUG"


def report_bug(error: BaseException, words: list[str]) -> Fault:
    """Write the traceback down and say where. Arguments are not written: they may hold secrets; the verb is."""
    text = "".join(traceback.format_exception(error))
    if os.environ.get(DEBUG_VARIABLE) == "1":
        sys.stderr.write(text)
        where = "the traceback is above"
    else:
        where = f"the traceback is in {_write(text, words)}; {DEBUG_VARIABLE}=1 shows it"
    return Fault(
        code="BUG",
        message=f"a bug in orch-actors {VERSION}: {type(error).__name__}: {error}",
        hint=f"please report it; {where}",
        exit_code=BUG,
    )


def _write(text: str, words: list[str]) -> str:
    verb = next((word for word in words if word.isalpha()), "?")
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    entry = f"{stamp} orch-actors {VERSION} {verb}, Python {sys.version.split()[0]}, {sys.platform}\n{text}\n"
    home = _home_of(words)
    try:
        fd = os.open(os.path.join(home, "crash.log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        path = os.path.join(home, "crash.log")
    except OSError:
        fd, path = tempfile.mkstemp(prefix="orch-actors-crash-", suffix=".log")
    with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(entry)
    return path


def _home_of(words: list[str]) -> str:
    """The home that was typed, read without a parser: the parser may be what broke."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--home" and following:
            return Home(following).path
        if word.startswith("--home="):
            return Home(word.partition("=")[2]).path
    return Home().path
