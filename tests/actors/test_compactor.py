"""Compaction by a real daemon: online, without a gap for readers; and compactors that fail, or are killed."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from daemon_harness import DEADLINE_S, Place, alive, eventually

from orch_actors.actors.courier.files import HOME_KINDS
from orch_actors.cli.mcp import forms, tools
from orch_actors.cli.render.inbox import inbox_text
from orch_actors.cli.render.style import Style
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.inbox import KINDS as INBOX_KINDS
from orch_actors.protocol.inbox import consumer_of, read_inbox
from orch_actors.protocol.submitter import submitter

#: Small segments.
SMALL = (
    "from orch_actors.actors.journal.writer import Journal\n"
    "Journal.resume.__func__.__kwdefaults__['segment_bytes'] = 3000\n"
)
#: A compactor that is this instead.
INSTEAD = (
    "import sys\n"
    "from orch_actors.actors.compaction.compactor import Compactor\n"
    "Compactor.program = (sys.executable, '-c', {!r})\n"
)
#: The real one, which never gets anywhere.
SLOW = (
    "import time\n"
    "from orch_actors.actors.compaction import __main__ as program\n"
    "program.compact_alone = lambda *_: time.sleep(600)\n"
    "program.main()\n"
)


@pytest.fixture
def place():
    made = Place()
    yield made
    made.close()


def retain(place, **bounds):
    lines = "\n".join(f"{name} = {value}" for name, value in bounds.items())
    Path(place.home.config).write_text(f"[retention]\n{lines}\n")


def work(client, count=8):
    """So many graphs of one task, to their end."""
    graphs = [
        client.submit({"name": f"n{number}", "tasks": [{"id": "t", "command": "true"}]}).graph
        for number in range(count)
    ]
    client.wait(graphs, timeout_s=DEADLINE_S)
    return graphs


def view_of(client):
    return client.status().compaction


def compacted(client):
    """How far it has come, once the newest closed segment is in a snapshot."""
    segment = client.compact().segment

    def done():
        view = view_of(client)
        assert view.running or not view.fault, view.fault
        return view if view.segment >= segment and not view.running else None

    return eventually(done)


def numbers(events):
    return [event.seq for event in events]


def kept_events(client):
    found, oldest = [], client.hello().oldest
    while page := client.events(oldest - 1 + len(found)).events:
        found += page
    return found


def test_online_and_by_itself(place):
    """Readers miss nothing while segments go, nor does the next life."""
    retain(place, events=60)
    daemon = place.start(SMALL).ready()
    with place.client() as client, place.client() as reader:
        told, stream = [], reader.follow(0)
        for _ in range(4):
            graphs = work(client)
            while len(told) < client.hello().head:
                told.append(next(stream))
        assert numbers(told) == list(range(1, len(told) + 1))
        eventually(lambda: client.hello().oldest > 1, "old segments are given back")
        made = eventually(lambda: (view := view_of(client)).segment and not view.running and view)
        assert not made.fault
        eventually(lambda: place.segments()[0].name != "00000001.jsonl")
        kept = kept_events(client)
        assert kept == told[-len(kept) :]
        assert len(kept) >= 60
        before = client.status().graphs
        with pytest.raises(Refused) as refused:
            client.events(0)
        assert (refused.value.info.code, refused.value.info.oldest) == ("EVENTS_GONE", client.hello().oldest)
        story = client.why(graphs[-1], "t")
        assert (story.cut, story.story[0].kind) == (False, "task_ready")
        assert client.why("g1", "t").cut
    daemon.kill()
    place.start(SMALL).ready()
    assert "from snapshot-" in Path(place.home.log).read_text()
    with place.client() as client:
        assert client.status().graphs == before
        again = [event for event in kept_events(client) if kept[0].seq <= event.seq <= len(told)]
        assert again == kept, "perhaps there are more: the last removal may not have been carried out"
        assert view_of(client).snapshot
        (fresh,) = work(client, 1)
        assert int(fresh[1:]) == len(before) + 1


def test_what_a_consumer_has_not_acknowledged_is_kept_for_it(place):
    retain(place, events=0)
    place.start(SMALL).ready()
    with place.client() as client:
        client.open_consumer("late")
        work(client)
        compacted(client)
        work(client, 1)
        compacted(client)
        assert place.segments()[0].name == "00000001.jsonl"
        page = client.read_consumer("late", limit=10)
        assert numbers(page.events) == list(range(1, 11))
        client.ack_events("late", client.hello().head)
        work(client, 1)
        compacted(client)
        eventually(lambda: place.segments()[0].name != "00000001.jsonl")


def test_the_last_event_keeps_nothing_either(place):
    """All events are in the first segment, and no more come: it goes all the same, and their numbers go on."""
    retain(place, events=0)
    daemon = place.start().ready()
    with place.client() as client:
        work(client, 1)
        for _ in range(2):
            compacted(client)
            client.open_consumer("silent")  # no event, and something new to take in
            client.forget_consumers(["silent"])
        compacted(client)
        eventually(lambda: place.segments()[0].name != "00000001.jsonl")
        head, oldest = client.hello().head, client.hello().oldest
        assert oldest == head + 1
        assert client.events(head).events == ()
    daemon.kill()
    place.start().ready()
    with place.client() as client:
        assert client.hello().head >= head
        assert [graph.state for graph in client.status().graphs] == ["done"]
        work(client, 1)
        assert numbers(client.events(head).events)[0] == head + 1


def test_one_that_never_comes_does_not_keep_everything(place):
    retain(place, events=0, unread=10)
    place.start(SMALL).ready()
    with place.client() as client:
        client.open_consumer("gone")
        work(client)
        compacted(client)
        work(client, 1)
        compacted(client)
        oldest = eventually(lambda: (found := client.hello().oldest) > 1 and found)
        with pytest.raises(Refused) as refused:
            client.read_consumer("gone")
        assert (refused.value.info.code, refused.value.info.oldest) == ("EVENTS_GONE", oldest)
        assert f"acknowledge event {oldest - 1} to go on" in refused.value.info.hint
        client.ack_events("gone", oldest - 1)
        assert numbers(client.read_consumer("gone").events)[0] == oldest
        assert client.open_consumer("new").cursor == oldest - 1


def test_one_that_is_killed_changes_nothing_and_is_told(place):
    daemon = place.start(INSTEAD.format(SLOW)).ready()
    with place.client() as client:
        work(client, 1)
        before = set(daemon.hosts())
        client.compact()
        (pid,) = eventually(lambda: set(daemon.hosts()) - before)
        os.kill(pid, signal.SIGKILL)
        view = eventually(lambda: (found := view_of(client)).fault and found)
        assert (view.fault, view.running, view.segment) == ("its process was ended by signal 9", False, 0)
        work(client, 1)
    assert "was made: its process was ended by signal 9" in Path(place.home.log).read_text()
    assert daemon.term() == 0
    place.start().ready()
    with place.client() as client:
        assert len(client.status().graphs) == 2
        eventually(lambda: view_of(client).segment == 1, "the next life makes up for it")


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("raise SystemExit(7)", "its process ended with code 7"),
        ("print('nonsense')", "its process ended with code 0"),
        ("import sys; sys.exit('no module')", "its process ended with code 1: no module"),
    ],
)
def test_one_that_fails_is_told(place, program, why):
    place.start(INSTEAD.format(program)).ready()
    with place.client() as client:
        work(client, 1)
        client.compact()
        assert eventually(lambda: view_of(client).fault) == why


def test_what_its_disk_says_is_told(place):
    place.start().ready()
    os.mkdir(Path(place.home.journal, "snapshot-00000001.jsonl.new"))  # what it cannot take away
    with place.client() as client:
        work(client, 1)
        client.compact()
        assert "snapshot-00000001.jsonl.new" in eventually(lambda: view_of(client).fault)
        Path(place.home.journal, "snapshot-00000001.jsonl.new").rmdir()
        assert compacted(client).segment == 1


@pytest.mark.parametrize("end", ["kill", "term"])
def test_it_leaves_with_its_daemon(place, end):
    daemon = place.start(INSTEAD.format(SLOW)).ready()
    with place.client() as client:
        work(client, 1)
        before = set(daemon.hosts())
        client.compact()
        (pid,) = eventually(lambda: set(daemon.hosts()) - before)
    getattr(daemon, end)()
    eventually(lambda: not alive(pid))


def test_it_is_nice(place):
    daemon = place.start(INSTEAD.format(SLOW)).ready()
    with place.client() as client:
        work(client, 1)
        before = set(daemon.hosts())
        client.compact()
        (pid,) = eventually(lambda: set(daemon.hosts()) - before)
        eventually(lambda: os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, daemon.pid))


@pytest.mark.skipif(sys.platform != "linux", reason="who waits for a lock is in /proc")
def test_one_waits_for_the_other(place):
    """Of two lives: the lock is the older one's until it has left."""
    place.home.prepare()
    fd = os.open(place.home.compactor_lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    command = [sys.executable, "-m", "orch_actors.actors.compaction", "--home", place.path, "--through", "1"]
    second = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        eventually(lambda: "FLOCK" in Path("/proc/locks").read_text() and _waits(second.pid))
        os.close(fd)
        assert b"has no segment 1" in second.stdout.read()
        assert second.wait(DEADLINE_S) == 100
    finally:
        second.kill()
        second.communicate()


def _waits(pid):
    return any(
        line.split()[1] == "->" and int(line.split()[5]) == pid for line in Path("/proc/locks").read_text().splitlines()
    )


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_who_comes_too_late_is_told_so_and_goes_on(place, tmp_path):
    """The inbox, its MCP tool, callbacks of both kinds, and both outboxes."""
    told, own = tmp_path / "later" / "told", tmp_path / "later" / "own"
    retain(place, events=0, unread=10)
    config = Path(place.home.config)
    config.write_text(config.read_text() + f"[callbacks.log]\nappend = '{told}'\n")
    daemon = place.start(SMALL).ready()
    with place.client() as client:
        for name, kinds in ((consumer_of(submitter()), INBOX_KINDS), ("files", HOME_KINDS)):
            client.open_consumer(name, since=0, kinds=kinds)
        (tmp_path / "no").write_text("which is no folder, so that nobody can be told of anything in it")
        waiting = {"id": "w", "command": "true", "approve": True}
        graph = client.submit(
            {"name": "late", "callbacks": [{"append": str(own)}], "files": str(tmp_path / "no"), "tasks": [waiting]}
        ).graph
        work(client)
        compacted(client)
        work(client, 1)
        compacted(client)
        oldest = eventually(lambda: (found := client.hello().oldest) > 10 and found)

        found = read_inbox(client)
        assert f"to {oldest - 1} are gone" in found.lost
        assert found.through >= oldest - 1
        assert found.lost in inbox_text(found, Style(colour=False))
        said = tools.inbox(tools.Desk(client=client, folder="/"), forms.Inbox(), lambda *_: None)
        assert "orch_status" in said.lost
        assert str(found.through) in said.next
        client.ack_events(found.consumer, found.through)
        assert read_inbox(client).lost == ""
        (decision,) = client.decisions()
        eventually(lambda: place.segments()[0].name != "00000001.jsonl")
    daemon.kill()
    config.write_text(config.read_text() + "[files]\ninbox = true\n")
    place.start(SMALL).ready()
    with place.client() as client:
        own.parent.mkdir()
        (tmp_path / "no").unlink()
        client.decide(decision.ref, "approve")
        client.wait([graph])
        outboxes = [Path(place.home.outbox), tmp_path / "no" / graph / "outbox.jsonl"]

        def events():
            told_by_files = [[one["event"] for one in lines_of(path) if "event" in one] for path in outboxes]
            return [lines_of(told), lines_of(own), *told_by_files]

        for at in range(4):
            eventually(lambda at=at: [one for one in events()[at] if one["kind"] == "graph_ended"])
        for found in events():
            gone = [one for one in found if one["kind"] == "events_gone"]
            assert found[0] in gone
            # More than one where more goes while it reads: each loss is told once.
            begins = [int(one["message"].partition(" from ")[2].split()[0]) for one in gone]
            assert begins[0] in (1, 2), found  # a graph's own readers begin behind its submission
            assert begins[1:] == [one["seq"] + 1 for one in gone[:-1]], found
            assert all("are gone" in one["message"] for one in gone)
        assert "-gone-" in lines_of(own)[0]["id"]
        eventually(lambda: not [one.name for one in client.consumers().consumers if one.name.startswith("graph.")])
