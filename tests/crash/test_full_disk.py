"""A disk that is full: a real one (a small tmpfs of the test's own), and the journal's, at a chosen write.

What was acknowledged stays, what runs is watched and its end written down, nothing new is taken, and no try is lost;
service goes on by itself when there is room.
"""

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from daemon_harness import DEADLINE_S, Place, command, eventually, one_task

from orch_actors.protocol import codec
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.homes import Home

COMMANDS = 8


class SmallDisk(Place):
    """A home on a file system of its own, which only its daemons and `inside` see. Its sockets lie elsewhere."""

    def __init__(self, size, more=""):
        super().__init__()
        self.home = Home(os.path.join(self.path, "deep" * 25, "home"))
        os.makedirs(self.home.path)
        mount = f'mount -t tmpfs -o size={size},mode=700{more} none "$1" && echo mounted && exec cat'
        pipe = subprocess.PIPE
        unshare = ["unshare", "--mount", "sh", "-c", mount, "sh", self.home.path]
        self._holder = subprocess.Popen(unshare, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        if self._holder.stdout.readline() != b"mounted\n":
            self.close()
            pytest.skip("a file system of one's own cannot be mounted here")
        self.within = ("nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", f"--wd={self.path}")

    def inside(self, *parts):
        """A path on the small disk."""
        return Path(f"/proc/{self._holder.pid}/root{self.home.path}", *parts)

    def fill(self):
        """Write until there is no room."""
        with open(self.inside("filling"), "ab", buffering=0) as file:
            for size in (1 << 16, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)):
                        continue

    def free(self):
        self.inside("filling").unlink()

    def close(self):
        self._holder.stdin.close()
        self._holder.stdout.close()
        self._holder.wait(DEADLINE_S)
        super().close()


@pytest.fixture
def small_disk():
    if sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "mount"))):
        pytest.skip("only root can mount a file system of its own, and only on Linux")
    made = []

    def make(size="24m", more=""):
        made.append(SmallDisk(size, more))
        return made[-1]

    yield make
    for place in made:
        place.close()


@pytest.fixture
def place():
    made = Place()
    yield made
    made.close()


def disk_of(client):
    return client.status().supervisor.disk


def counts(client, graph):
    return client.summaries([graph]).graphs[0].counts


def classes(client, graph):
    """Failure classes of the attempts of its first task."""
    return [attempt.class_ for attempt in client.graph(graph).tasks[0].attempts]


def run(client, name, line, **options):
    """Submit one shell task; its graph."""
    return client.submit({"name": name, "tasks": [{"id": "t", "command": line, **options}]}).graph


def submit_until_full(place):
    """Send commands until one is refused for want of room: bodies and replies of those that were not; the refusal."""
    answered = []
    with place.client(client_id="filling") as client:
        for number in range(1000):
            command_id, body = command(one_task(f"n{number}"), client="filling")
            try:
                client.request(codec.REQUEST.decode(body).do, command_id=command_id)
            except Refused as refused:
                return answered, refused.info
            answered.append((body, place.ask(body)))
    raise AssertionError("the disk is never full")


def test_what_runs_is_watched_and_nothing_accepted_is_lost(small_disk, tmp_path):
    place, go = small_disk(), tmp_path / "go"
    first = place.start().ready()
    wait = f"echo >{tmp_path}/began-$ORCH_GRAPH; until [ -e {go} ]; do sleep 0.02; done"
    with place.client() as client:
        ends = run(client, "ends", f"{wait}; exit 7")
        follows = client.submit(
            {"name": "two", "tasks": {"a": {"command": wait}, "b": {"command": "true", "depends_on": ["a"]}}}
        ).graph
        eventually(lambda: len(list(tmp_path.glob("began-*"))) == 2)
        place.fill()
        answered, refusal = submit_until_full(place)
        assert answered
        assert (refusal.code, refusal.retriable, bool(refusal.hint)) == ("DISK_FULL", True, True)
        assert disk_of(client)
        place.fill()  # whatever the ballast gave is the journal's alone
        go.touch()
        client.wait([ends], timeout_s=DEADLINE_S)
        assert client.graph(ends).tasks[0].attempts[0].exit_code == 7
        eventually(lambda: counts(client, follows) == {"done": 1, "ready": 1})
        why = client.why(follows, "b")
        assert (why.sentence, why.reason) == ("waits: the disk is full", {"kind": "disk_full"})
        head = client.hello().head
    first.kill()

    second = place.start().ready()  # on a disk that is as full as before
    with place.client() as client:
        assert disk_of(client)
        assert client.hello().head >= head
        assert client.graph(ends).tasks[0].attempts[0].exit_code == 7
        assert {place.ask(body) for body, _ in answered} == {reply for _, reply in answered}
        with pytest.raises(Refused, match="disk is full"):
            run(client, "more", "true")
        place.free()
        eventually(lambda: not disk_of(client), "service goes on by itself")
        graphs = [codec.REPLY.decode(reply).result.graph for _, reply in answered]
        graphs += [follows, run(client, "more", "true")]
        found = client.wait(graphs, timeout_s=DEADLINE_S)
        assert {summary.state for summary in found} == {"done"}
        ends = [classes(client, graph) for graph in graphs]
        assert {tuple(set(classes)) for classes in ends} <= {(None,), (None, "disk_full"), ("disk_full", None)}
        assert all(classes.count(None) == 1 for classes in ends)
        assert place.inside("journal", "ballast").stat().st_size
    assert second.term() == 0
    assert place.start().ready().term() == 0


def test_an_attempt_that_cannot_make_its_record_is_no_try(small_disk):
    """No more files can be made, while the journal still has room in its own."""
    place = small_disk(more=",nr_inodes=64")
    daemon = place.start().ready()
    with place.client() as client:
        run(client, "first", "true")
        made = fill_with_files(place)
        tried = run(client, "tried", "true")
        eventually(lambda: classes(client, tried) == ["disk_full"])
        assert counts(client, tried) == {"ready": 1}
        assert client.why(tried, "t").reason == {"kind": "disk_full"}
        with pytest.raises(Refused, match="disk is full"):
            run(client, "more", "true")
        client.cancel(tried, "t")  # what ends work is taken
        assert counts(client, tried) == {"cancelled": 1}
        for path in made:
            path.unlink()
        eventually(lambda: not disk_of(client))
        last = run(client, "last", "true")
        assert client.wait([last], timeout_s=DEADLINE_S)[0].state == "done"
    assert daemon.term() == 0


def test_an_attempt_that_found_no_room_runs_when_there_is_some(small_disk):
    place = small_disk(more=",nr_inodes=64")
    daemon = place.start().ready()
    with place.client() as client:
        run(client, "first", "true")
        made = fill_with_files(place)
        tried = run(client, "tried", "exit 3")
        eventually(lambda: classes(client, tried) == ["disk_full"])
        for path in made:
            path.unlink()
        client.wait([tried], timeout_s=DEADLINE_S)
        (task,) = client.graph(tried).tasks
        assert (task.attempts[-1].class_, task.reason) == ("exit", "exit code 3")  # its first and only try
    assert daemon.term() == 0


def fill_with_files(place):
    """Make empty files until the disk takes no more; which."""
    made = []
    with contextlib.suppress(OSError):
        while True:
            path = place.inside(f"file-{len(made)}")
            path.touch(exist_ok=False)
            made.append(path)
    assert made
    return made


def test_a_disk_that_is_full_from_the_start_is_explained(small_disk):
    place = small_disk(size="4k")
    daemon = place.start()
    assert daemon.wait() == 111
    (said,) = [
        line for line in daemon.errors().splitlines() if line.startswith("orch-actors: ")
    ]  # loguru complains, too
    assert said.startswith("orch-actors: cannot open the journal in ")
    assert said.endswith("No space left on device")


# --- at a chosen write --------------------------------------------------------------------------------------------

#: The journal finds no room in its nth write to a segment, with or without half of it written, while the ballast lies
#: there; `lasts`: nor afterwards.
PRELUDE = """
import os
from orch_actors.actors.journal import disk
real, calls = disk.RealDisk.append, [0]
def full(self, fd, data):
    path = os.readlink(f"/proc/self/fd/{{fd}}")
    if path.endswith(".jsonl"):
        calls[0] += 1
        ballast = os.path.join(os.path.dirname(path), "ballast")
        if calls[0] >= {nth} and (os.path.exists(ballast) and not os.path.exists(ballast + ".gone") or {lasts}):
            open(ballast + ".gone", "w").close()
            os.write(fd, data[:int(len(data) * {part})])
            raise OSError({code}, os.strerror({code}))
    return real(self, fd, data)
disk.RealDisk.append = full
"""


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("part", [0, 0.5, 0.99])
@pytest.mark.parametrize("nth", [2, 5])
def test_a_write_without_room_is_made_good(place, tmp_path, code, part, nth):
    effects = tmp_path / "effects"
    bodies = [command(one_task(f"n{number}", f"echo n{number} >>{effects}"))[1] for number in range(COMMANDS)]
    daemon = place.start(PRELUDE.format(nth=nth, code=code, part=part, lasts=False)).ready()
    replies = [place.ask(body) for body in bodies]  # asks again where it is told that the disk is full
    graphs = [codec.REPLY.decode(reply).result.graph for reply in replies]
    with place.client() as client:
        assert {summary.state for summary in client.wait(graphs, timeout_s=DEADLINE_S)} == {"done"}
        eventually(lambda: not disk_of(client))
    assert os.path.getsize(os.path.join(place.home.journal, "ballast"))
    assert Counter(effects.read_text().split()) == Counter(f"n{number}" for number in range(COMMANDS))
    daemon.kill()
    place.start().ready()
    assert [place.ask(body) for body in bodies] == replies


@pytest.mark.parametrize("part", [0, 0.5])
def test_when_the_ballast_does_not_help_nothing_is_acknowledged(place, part):
    _, body = command(one_task("n"))
    daemon = place.start(PRELUDE.format(nth=2, code=errno.ENOSPC, part=part, lasts=True)).ready()
    assert place.ask(body, patience_s=2) is None
    assert daemon.wait() == 111
    assert daemon.errors().startswith("orch-actors: the journal cannot be written: No space left on device")
    (path,) = place.segments()
    assert path.read_bytes().endswith(b"\n")  # cut back to the last whole line
    assert len(path.read_bytes().splitlines()) == 1
    place.start().ready()
    assert codec.REPLY.decode(place.ask(body)).result.graph == "g1"


def test_a_limit_of_the_file_size_is_told(place):
    """RLIMIT_FSIZE: a file that may not grow has no room either, and no ballast helps it."""
    prelude = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))"
    daemon = place.start(prelude).ready()
    bodies = [command(one_task(f"n{number}"))[1] for number in range(COMMANDS)]
    with place.client() as client:
        assert disk_of(client) == "File too large"
        with pytest.raises(Refused, match="File too large"):
            client.request(codec.REQUEST.decode(bodies[0]).do)
    assert daemon.term() == 0
    place.start().ready()
    assert {json.loads(place.ask(body))["result"]["type"] for body in bodies} == {"graph_accepted"}
