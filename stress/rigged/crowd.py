"""Many daemons started at once on one home.

    python -P -m orch_actors.stress.rigged.crowd HOME FOLDER NUMBER

Starting a program takes a tenth of a second of processor time, and would string the daemons out over many seconds. So
the daemon's modules are loaded here, once; that many processes are forked, and when all of them stand at the barrier it
falls. What each runs from there on is the daemon's own main, with nothing replaced.

In FOLDER each leaves its last words, `PLACE.err`, and what it told its starter, `PLACE.ready`; for each that has ended
there is a line `pid code` in `ends`. SIGTERM goes on to those that live; when all are gone, so is this process.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from orch_actors.actors.daemon import main
from orch_actors.protocol.homes import Home


def run(number: int, folder: str, body: Callable[[int], int]) -> int:
    """Fork, let them all go at once, and tell of their ends; `body` gets the descriptor to tell its starter by."""
    here_read, here_write = os.pipe()
    barrier_read, barrier_write = os.pipe()
    pids = []
    for place in range(number):
        pid = os.fork()
        if pid == 0:
            for fd in (here_read, barrier_write):
                os.close(fd)
            _one(os.path.join(folder, str(place)), here_write, barrier_read, body)
        pids.append(pid)
    signal.signal(signal.SIGTERM, lambda *_: _pass_on(pids))
    for fd in (here_write, barrier_read):
        os.close(fd)
    for _ in range(number):
        os.read(here_read, 1)
    os.close(barrier_write)
    with open(os.path.join(folder, "ends"), "w", buffering=1, encoding="ascii") as ends:
        for _ in range(number):
            pid, status = os.wait()
            pids.remove(pid)
            ends.write(f"{pid} {os.waitstatus_to_exitcode(status)}\n")
    return 0


def _pass_on(pids: Sequence[int]) -> None:
    for pid in list(pids):
        os.kill(pid, signal.SIGTERM)


def _one(stem: str, here: int, barrier: int, body: Callable[[int], int]) -> NoReturn:
    code = 70
    try:
        null = os.open(os.devnull, os.O_RDWR)
        err = os.open(stem + ".err", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        ready = os.open(stem + ".ready", os.O_WRONLY | os.O_CREAT, 0o600)
        for source, target in ((null, 0), (null, 1), (err, 2)):
            os.dup2(source, target)
        os.write(here, b"!")
        os.read(barrier, 1)  # its end
        for fd in (here, barrier, null, err):
            os.close(fd)
        code = body(ready)
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    _home, _folder, _number = sys.argv[1:]
    sys.exit(run(int(_number), _folder, lambda ready: main(Home(_home), ready)))
