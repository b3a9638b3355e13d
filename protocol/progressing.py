"""How far a running task is, said from inside it: written into the file that ORCH_PROGRESS names.

The one place for what stands in that file; its host looks at it every two seconds, and the newest counts. So it costs
no request, and works where the daemon is away.
"""

import json
import os
from typing import Final

from orch_actors.protocol.errors import Refused

VARIABLE: Final = "ORCH_PROGRESS"


def say_progress(text: str = "", percent: float | None = None) -> None:
    """Say how far this task is.

    Args:
        text: what it is at, in a few words.
        percent: how much is done, 0 to 100.

    Raises:
        Refused: NOT_ALLOWED outside of a running task, or when its file cannot be written; INVALID_REQUEST with nothing
            to say.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        raise Refused.because(
            "NOT_ALLOWED", f"this is no running task: {VARIABLE} is not set", "say it from inside one"
        )
    if not text.strip() and percent is None:
        raise Refused.because("INVALID_REQUEST", "nothing to say", "a text, a percentage, or both")
    if percent is not None and not 0 <= percent <= 100:
        raise Refused.because("INVALID_REQUEST", f"{percent!r} percent is no share of 100", "a number from 0 to 100")
    draft = f"{path}.{os.getpid()}"
    try:
        with open(draft, "x", encoding="utf-8", errors="replace") as file:
            json.dump({"text": text, "percent": percent}, file, ensure_ascii=False, separators=(",", ":"))
        os.replace(draft, path)
    except OSError as error:
        raise Refused.because(
            "NOT_ALLOWED", f"{path} cannot be written: {error.strerror}", "the task may be over"
        ) from error
