"""A sync of the real daemon fails, injected from outside by strace: nothing is acknowledged afterwards.

    strace -f -e inject=fdatasync:error=EIO:when=N python -m orch_actors.actors …

The Nth sync of each thread, N = 1, 2, 3, …: the first ones fail as the journal is opened, and the daemon refuses to
start. One client submits graphs, one after the other, without a pause, for as long as the daemon lives and a little
longer. Nothing that it sends after the moment of the failure may be accepted; the daemon stops, with its exit code for
that; and the next one, on a sound disk, has everything that was accepted before.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import Final

from msgspec import Struct

from orch_actors.protocol.client import Client
from orch_actors.protocol.environment import outside_attempts
from orch_actors.protocol.errors import Refused, Unavailable
from orch_actors.stress.daemon import TrialDaemon
from orch_actors.stress.proofs.proof import Proof, Report, Trial

#: After the failure a client goes on asking for so long.
AFTER_S: Final = 0.5
#: For one answer of a daemon that is being traced; short, so that much is sent while it is on its way out.
ANSWER_S: Final = 1.0
WHOLE_S: Final = 60.0

INJECTED: Final = re.compile(r"^\d+ +([0-9.]+) fdatasync\(.*\(INJECTED\)", re.MULTILINE)

#: Exit codes of a daemon that stops because its disk fails, or does not start on it.
STOPPED: Final = (100, 111)


class _Life(Struct, frozen=True):
    """What came of one daemon: its exit code, when its sync failed, and the graphs that it accepted."""

    code: int
    failed_at: float | None
    #: (sent at, graph), by the wall clock.
    accepted: list[tuple[float, str]]


def run(trial: Trial) -> Report:
    """See the module."""
    if (why := _impossible(trial.folder)) is not None:
        return Report.skip(why)
    faults: list[str] = []
    accepted = late = unstarted = 0
    for number in range(1, trial.size + 1):
        home = os.path.join(trial.folder, str(number))
        os.mkdir(home, 0o700)
        life = _live(home, number)
        after = [graph for sent_at, graph in life.accepted if life.failed_at is None or sent_at > life.failed_at]
        accepted += len(life.accepted)
        late += len(after)
        unstarted += not life.accepted
        if life.failed_at is None:
            faults.append(f"sync {number}: it never came to it")
        elif after:
            faults.append(f"sync {number}: {len(after)} commands were accepted after it had failed")
        if life.code not in STOPPED:
            faults.append(f"sync {number}: the daemon ended with {life.code}")
        faults += [f"sync {number}: {graph} was accepted, and is lost" for graph in _lost(home, life)]
        shutil.rmtree(home, ignore_errors=True)
    counts = {
        "failed syncs": trial.size,
        "accepted before": accepted - late,
        "accepted after": late,
        "never up": unstarted,
    }
    return Report(done=trial.size, counts=counts, faults=tuple(faults))


def _impossible(folder: str) -> str | None:
    """Why this machine cannot do it."""
    if shutil.which("strace") is None:
        return "there is no strace"
    command = [*_strace(os.path.join(folder, "try"), 1), sys.executable, "-c", "pass"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WHOLE_S, check=False)
    if done.returncode != 0:
        return f"strace may not trace here: {(done.stderr.strip().splitlines() or ['?'])[-1]}"
    return None


def _strace(trace: str, number: int) -> list[str]:
    inject = f"inject=fdatasync:error=EIO:when={number}"
    return ["strace", "-f", "-qq", "-ttt", "-o", trace, "-e", "trace=fdatasync", "-e", inject]


def _live(home: str, number: int) -> _Life:
    """One daemon, whose sync of this number fails, until it is gone."""
    trace = os.path.join(home, "trace")
    read, write = os.pipe()
    daemon = [sys.executable, "-P", "-m", "orch_actors.actors", "--home", home, "--ready-fd", str(write)]
    process = subprocess.Popen(
        [*_strace(trace, number), *daemon],
        pass_fds=[write],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=outside_attempts(os.environ),
        start_new_session=True,
    )
    os.close(write)
    try:
        with os.fdopen(read, "rb") as ready:
            up = ready.readline().startswith(b'{"pid":')
        accepted = _submit_on(home, process) if up else []
        code = process.wait(WHOLE_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    with open(trace, encoding="utf-8") as file:
        found = INJECTED.search(file.read())
    return _Life(code, float(found.group(1)) if found else None, accepted)


def _submit_on(home: str, process: "subprocess.Popen[bytes]") -> list[tuple[float, str]]:
    """Submit, one after the other, until the daemon is gone, and a little longer."""
    accepted: list[tuple[float, str]] = []
    document = {"name": "sync", "tasks": [{"id": "t", "command": "true"}]}
    until_at = time.monotonic() + WHOLE_S
    gone_at: float | None = None
    with Client(home, timeout_s=ANSWER_S) as client:
        while time.monotonic() < (until_at if gone_at is None else gone_at + AFTER_S):
            sent_at = time.time()
            try:
                accepted.append((sent_at, client.submit(document).graph))
            except (Unavailable, Refused):
                time.sleep(0.01)
            if gone_at is None and process.poll() is not None:
                gone_at = time.monotonic()
    return accepted


def _lost(home: str, life: _Life) -> list[str]:
    """Graphs that were accepted, and that the next daemon does not know."""
    if not life.accepted:
        return []
    os.remove(os.path.join(home, "trace"))
    with TrialDaemon(home) as daemon, daemon.client() as client:
        known = {graph.id for graph in client.status().graphs}
    return [graph for _, graph in life.accepted if graph not in known]


PROOF: Final = Proof(
    name="fsync",
    proves="After a failed sync nothing is acknowledged, and what was acknowledged before is there.",
    asked="`strace -e inject=fdatasync:error=EIO` on the real daemon: 0 acknowledgements after the failure",
    full=20,
    quick=6,
    unit="failed syncs",
    run=run,
)
