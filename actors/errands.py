"""What the command line has the daemon's side do, in a process of its own: one JSON object on stdout, as the last line.

A fault is `{"error": {"code", "message", "hint"}}` and an exit code. The programs are `actors/journal/__main__.py` and
`actors/inspection/__main__.py`; who starts them is `cli/daemon/journal.py`.
"""

import sys
from collections.abc import Callable
from typing import Any

import msgspec

from orch_actors.protocol.errors import EnvironmentFault, Refused


def carry_out(errand: Callable[[], object]) -> int:
    """Do it and tell what came of it; the exit code."""
    code, said = 0, None
    try:
        said = errand()
    except EnvironmentFault as fault:
        code, said = fault.exit_code, _error("ENVIRONMENT", fault.message, fault.hint)
    except Refused as refused:
        code, said = 4, _error(refused.info.code, refused.info.message, refused.info.hint)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        code, said = 111, _error("ENVIRONMENT", f"{place}{error.strerror or error}", "see to that file or folder")
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    return code


def _error(code: str, message: str, hint: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "hint": hint}}
