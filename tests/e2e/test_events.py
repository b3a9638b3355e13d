"""`events`."""

import json
import subprocess

from .conftest import PROGRAM

FIELDS = {"seq", "kind", "graph", "task", "time_utc"}


def test_all_of_them(shared):
    graph = shared("run", "--json", "--", "true").json["id"]
    events = shared("events", "--json").lines
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert all(set(event) >= FIELDS for event in events)
    mine = [event for event in events if event["graph"] == graph]
    assert mine[0]["kind"] == "graph_submitted"
    assert mine[0]["task"] is None
    assert mine[-1]["state"] == "done"
    assert shared("events", "--graph", graph, "--json").lines == mine
    text = shared("events", "--graph", graph).out.splitlines()
    assert len(text) == len(mine)
    assert "graph_submitted" in text[0]


def test_since(shared):
    shared("run", "--", "true")
    events = shared("events", "--json").lines
    head = events[-1]["seq"]
    assert shared("events", "--json", "--since", str(head - 2)).lines == events[-2:]
    assert shared("events", "--json", "--since", "-3").lines == events[-3:]
    assert shared("events", "--json", "--since", str(head)).lines == []


def test_follow_a_graph_to_its_end(shared):
    graph = shared("submit", "--json", "--", "sleep", "0.3").json["graph"]
    followed = shared("events", "--graph", graph, "--follow", "--json").lines
    assert followed[-1]["kind"] == "graph_ended"
    assert followed == shared("events", "--graph", graph, "--json").lines
    assert shared("events", "--graph", graph, "--follow", "--json").lines == followed


def test_follow_over_a_restart(cli):
    cli("run", "--", "true")
    process = cli.start("events", "--follow", "--json")
    first = [json.loads(process.stdout.readline()) for _ in range(6)]
    cli("down")
    cli("run", "--", "true")
    more = [json.loads(process.stdout.readline()) for _ in range(6)]
    assert [event["seq"] for event in first + more] == list(range(1, 13))
    process.send_signal(2)
    assert process.communicate(timeout=20)[1] == b""
    assert process.returncode == 130


def test_wrong(shared):
    assert shared("events", "--since", "x", code=2).err
    assert shared("events", "--graph", "g999", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert shared("events", "--since", "999999", "--follow", "--json", code=100).error["code"] == "ENVIRONMENT"


def test_some_kinds_and_so_many(shared):
    shared("run", "--", "true")
    shared("run", "--", "true")
    found = shared("events", "--json", "--kind", "graph_ended", "--kind", "task_ended", "--limit", "3").lines
    assert [event["kind"] for event in found] == ["task_ended", "graph_ended", "task_ended"]
    assert len(shared("events", "--limit", "2").out.splitlines()) == 2
    assert len(shared("events", "--follow", "--limit", "2").out.splitlines()) == 2


def test_who_has_no_stdout_follows_nothing(cli):
    cli("run", "--", "true")
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", PROGRAM, "events", "--follow"],
        env=cli.env,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (141, b"")
