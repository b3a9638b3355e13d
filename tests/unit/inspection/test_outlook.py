"""What a daemon that started now would find: every row of the crash matrix, by record and lock; nothing is changed."""

import fcntl
import json
import os
from pathlib import Path

import pytest
from journal_books import Book

from orch_actors.actors.attempts.launching import graph_folder
from orch_actors.actors.core import facts as f
from orch_actors.actors.inspection.outlook import outlook
from orch_actors.actors.inspection.running import running
from orch_actors.actors.journal.reading import JournalCorrupt
from orch_actors.actors.process.boot import boot_id
from orch_actors.actors.recovery.history import CommandLine, digest_of, encode
from orch_actors.protocol import messages
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import Home
from orch_actors.protocol.ids import new_id


class Place:
    """A home of which the daemon has died, with one graph (tasks a and b) and what the test puts there."""

    def __init__(self, path):
        self.home = Home(str(path))
        self.home.prepare()
        self.book = Book(self.home.journal)
        self.book.submit("one")
        self.locks = []

    def begin(self, name="a", boot=None, *facts):
        self.book.outcome(f.AttemptStarting(graph="g1", task=name, attempt=1, boot=boot or boot_id()), *facts)

    def record(self, *lines, name="a", locked=False):
        folder = Path(graph_folder(self.home.attempts, self.book.journal.id, "g1"))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.1.jsonl"
        header = {"attempt": f"g1/{name}/1", "boot": boot_id(), "utc": 1.0, "mono": 1.0}
        path.write_text("".join(json.dumps(line) + "\n" for line in [header, *lines]))
        if locked:
            fd = os.open(path, os.O_RDWR)
            fcntl.flock(fd, fcntl.LOCK_EX)
            self.locks.append(fd)
        return path

    def look(self, **more):
        before = tree(self.home.path)
        found = outlook(self.home, more.get("daemon"))
        assert tree(self.home.path) == before
        return found

    def fate(self):
        (found,) = self.look().in_flight
        return found


def tree(path):
    return {str(one): one.read_bytes() if one.is_file() else None for one in Path(path).rglob("*")}


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path / "home")
    yield made
    made.book.close()
    for fd in made.locks:
        os.close(fd)


STOPPING = f.AttemptStopping(graph="g1", task="a", attempt=1, cls="cancelled", why="enough")
PID = {"pid": 4711}


@pytest.mark.parametrize(
    ("lines", "locked", "what", "pid", "code"),
    [
        (None, False, "begin", None, None),
        ([], False, "begin", None, None),
        ([PID], True, "adopt", 4711, None),
        ([], True, "adopt", None, None),
        ([PID, {"exit": 3}], False, "collect", None, 3),
        ([{"never": "spawn", "why": "no such program", "cls": ""}], False, "collect", None, None),
        ([PID], False, "unknown", None, None),
    ],
)
def test_an_attempt_in_flight(place, *, lines, locked, what, pid, code):
    place.begin()
    if lines is not None:
        place.record(*lines, locked=locked)
    found = place.fate()
    assert (found.attempt, found.what, found.pid, found.exit_code) == ("g1/a/1", what, pid, code)


@pytest.mark.parametrize(
    ("lines", "locked", "what"),
    [(None, False, "end"), ([PID], True, "end"), ([PID], False, "collect"), ([PID, {"exit": 143}], False, "collect")],
)
def test_one_whose_kill_was_decided(place, lines, locked, what):
    place.begin("a", None, STOPPING)
    if lines is not None:
        place.record(*lines, locked=locked)
    assert place.fate().what == what


@pytest.mark.parametrize(
    ("lines", "what"), [(None, "unknown"), ([], "unknown"), ([PID], "unknown"), ([PID, {"exit": 0}], "collect")]
)
def test_one_of_another_boot(place, lines, what):
    place.begin("a", "another")
    if lines is not None:
        place.record(*lines)
    found = place.fate()
    assert found.what == what
    assert found.pid is None


def test_what_would_start_at_once_is_within_the_limits(place):
    Path(place.home.config).write_text("[workers.shell]\nlimit = 2\n")
    assert place.look().start == ("g1/a/1", "g1/b/1")
    place.begin()
    place.record(PID, locked=True)
    place.book.submit("two")
    assert place.look().start == ("g1/b/1",)


def test_commands_quarantine_and_what_is_torn(place):
    do = messages.Cancel(graph="g1")
    line = CommandLine(client="me", id=new_id(), digest=digest_of(do), at=1.0, do=do)
    sequence = place.book.journal.add("command", encode(line))
    place.book.outcome(f.TaskRevived(graph="g1", task="b"))
    with open(max(Path(place.home.journal).glob("*.jsonl")), "ab") as file:
        file.write(b"half")
    found = place.look(daemon=7)
    (command,) = found.commands
    assert (command.sequence, command.client, command.type) == (sequence, "me", "cancel")
    (isolated,) = found.quarantine
    assert isolated.task == "g1/b"
    assert "makes no sense" in isolated.why
    assert (found.torn, found.daemon, found.graphs) == (4, 7, 1)
    assert found.lines == place.book.journal.last


def test_what_keeps_a_daemon_from_starting_is_raised(place):
    path = min(Path(place.home.journal).glob("*.jsonl"))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"graph_submitted", b"graph_submittee"))
    with pytest.raises(JournalCorrupt):
        place.look()
    path.write_bytes(whole)
    Path(place.home.config).write_text("nonsense = 1\n")
    with pytest.raises(EnvironmentFault, match="nonsense"):
        place.look()


def test_a_home_that_is_not_there_yet(tmp_path):
    found = outlook(Home(str(tmp_path / "none")), None)
    assert (found.journal, found.in_flight) == ("", ())
    assert not (tmp_path / "none").exists()
    assert running(Home(str(tmp_path / "none"))).attempts == ()


def test_what_runs_by_the_records_alone(place):
    place.record(PID, name="a", locked=True)
    place.record(PID, {"exit": 0}, name="b")
    (Path(place.home.attempts) / "stray.jsonl").write_text("nonsense\n")
    (found,) = running(place.home).attempts
    assert (found.attempt, found.pid) == ("g1/a/1", 4711)
