"""A child of the daemon's that leaves when its stdin ends, so that it also leaves with a daemon that was killed."""

import os
import subprocess
import threading
from typing import Final, NoReturn

#: Exit code of one that was left alone.
LEFT: Final = 3


def leave_with_stdin(code: int = LEFT) -> None:
    """In the child: from now on it ends at once, wherever it stands, when its stdin does, with this exit code."""
    threading.Thread(target=_leave, args=(code,), name="stdin", daemon=True).start()


def _leave(code: int) -> NoReturn:
    while os.read(0, 4096):
        pass
    os._exit(code)


def let_go(process: subprocess.Popen[bytes], within_s: float) -> None:
    """Say the word, wait for it to leave, and end it where it does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
