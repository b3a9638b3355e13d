"""A child of the daemon's that leaves when its stdin ends, so that it also leaves with a daemon that was killed."""

import subprocess


def let_go(process: "subprocess.Popen[bytes]", within_s: float) -> None:
    """Say the word, wait for it to leave, and end it where it does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
