"""A real daemon whose journal fails at a chosen write or sync: killed before, after and in the middle, EIO, ENOSPC.

Every cell: what was acknowledged is on disk the moment the daemon is dead; the next daemon knows it, byte for byte,
and takes the rest when it is repeated; nothing ran twice.
"""

import json
from collections import Counter
from pathlib import Path

import pytest
from daemon_harness import DEADLINE_S, Place, command, eventually, one_task

from orch_actors.protocol import codec

COMMANDS = 8

#: Breaks one operation of the journal's disk from its nth call on. There is no ballast: see test_full_disk.py.
PRELUDE = """
import os, signal
from orch_actors.actors.journal import disk
from orch_actors.actors.journal.writer import Journal
Journal.resume.__func__.__kwdefaults__["ballast_bytes"] = 0
real, calls = disk.RealDisk.{operation}, [0]
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def broken(self, fd, *data):
    calls[0] += 1
    if calls[0] < {nth}:
        return real(self, fd, *data)
    {fault}
disk.RealDisk.{operation} = broken
"""

FAULTS = {
    "killed before": "die()",
    "killed after": "real(self, fd, *data); die()",
    "EIO": "raise OSError(5, 'Input/output error')",
    "ENOSPC": "raise OSError(28, 'No space left on device')",
    "killed half-way": "os.write(fd, data[0][:len(data[0]) // 2]); die()",
    "EIO half-way": "os.write(fd, data[0][:len(data[0]) // 2]); raise OSError(5, 'Input/output error')",
}

#: Which call: the first two are the new segment's header and, for sync, the one of the first line.
CELLS = [
    (operation, fault, nth)
    for operation in ("append", "sync")
    for fault in FAULTS
    if operation == "append" or "half-way" not in fault
    for nth in (2, 6)
]


@pytest.fixture
def place():
    made = Place()
    yield made
    made.close()


def on_disk(place):
    """Ids of commands with their replies, read off the files by nothing of ours; half a last line is left out."""
    ids, replies = {}, {}
    for path in place.segments():
        for raw in path.read_bytes().split(b"\n")[:-1]:
            line = json.loads(raw)
            if line.get("t") == "command":
                ids[line["s"]] = line["d"]["id"]
            elif line.get("t") == "outcome" and line["d"]["of"] is not None:
                replies[ids[line["d"]["of"]]] = line["d"]["reply"]
    return replies


def ask_all(place, daemon, bodies):
    """Replies by command id, until the daemon is dead."""
    replies = {}
    for command_id, body in bodies.items():
        while daemon.process.poll() is None and command_id not in replies:
            if (reply := place.ask(body, patience_s=0.5, try_s=0.5)) is not None:
                replies[command_id] = reply
    return replies


@pytest.mark.parametrize(("operation", "fault", "nth"), CELLS)
def test_what_was_acknowledged_survives(place, tmp_path, operation, fault, nth):
    effects = tmp_path / "effects"
    bodies = dict(command(one_task(f"n{number}", f"echo n{number} >>{effects}")) for number in range(COMMANDS))
    first = place.start(PRELUDE.format(operation=operation, nth=nth, fault=FAULTS[fault])).ready()
    told = ask_all(place, first, bodies)
    code = first.wait()
    assert code == (111 if fault[0] == "E" else -9)
    assert len(told) < COMMANDS
    if fault[0] == "E":
        assert first.errors().startswith("orch-actors: the journal cannot be written: ")
        assert "Traceback" not in first.errors()
    kept = on_disk(place)
    for command_id, reply in told.items():
        assert kept[command_id] == json.loads(reply)

    second = place.start().ready()
    again = {command_id: place.ask(body) for command_id, body in bodies.items()}
    assert {command_id: again[command_id] for command_id in told} == told
    graphs = [codec.REPLY.decode(reply).result.graph for reply in again.values()]
    assert len(set(graphs)) == COMMANDS
    with place.client() as client:
        summaries = client.wait(graphs, timeout_s=DEADLINE_S)
        assert [summary.state for summary in summaries] == ["done"] * COMMANDS
        assert len(client.status().graphs) == COMMANDS
    eventually(lambda: not effects.exists() or len(effects.read_text().split()) >= COMMANDS)
    assert Counter(effects.read_text().split()) == Counter(f"n{number}" for number in range(COMMANDS))
    assert second.term() == 0


def test_the_answer_before_the_sync_is_found_by_this(place, tmp_path):
    """Break it on purpose: reply first, commit later. What was told is then not on disk."""
    prelude = PRELUDE.format(operation="append", nth=2, fault="die()") + (
        "from orch_actors.actors.supervisor import Supervisor\n"
        "commit = Supervisor._commit\n"
        "def early(self):\n"
        "    import time\n"
        "    for origin, body in self._out.replies:\n"
        "        self._desk.reply(origin, body)\n"
        "    if self._out.replies:\n"
        "        time.sleep(0.3)\n"
        "    commit(self)\n"
        "Supervisor._commit = early\n"
    )
    bodies = dict([command(one_task("n"))])
    daemon = place.start(prelude).ready()
    told = ask_all(place, daemon, bodies)
    assert daemon.wait() == -9
    assert set(told) - set(on_disk(place)) == set(bodies)


def test_a_full_first_disk_is_explained(place):
    daemon = place.start(PRELUDE.format(operation="append", nth=1, fault=FAULTS["ENOSPC"]))
    assert daemon.wait() == daemon.said()["exit_code"] == 111
    assert "No space left on device" in daemon.errors()
    assert [Path(path).read_bytes() for path in place.segments()] in ([], [b""])
    assert place.start().ready().term() == 0
