"""`consumers`, and `events --consumer`: what was not acknowledged is shown again."""

import json
import os
import subprocess

from .conftest import PROGRAM, eventually


def shown(cli, *words):
    return [event["seq"] for event in cli("events", "--json", *words).lines]


def test_until_it_is_acknowledged(cli):
    cli("run", "--", "true")
    assert shown(cli, "--consumer", "me") == [1, 2, 3, 4, 5, 6]
    assert shown(cli, "--consumer", "me", "--limit", "2", "--ack") == [1, 2]
    assert shown(cli, "--consumer", "me", "--limit", "3") == [3, 4, 5]
    cli.kill_daemon()
    cli("up")
    assert shown(cli, "--consumer", "me", "--ack") == [3, 4, 5, 6]
    assert shown(cli, "--consumer", "me", "--ack") == []
    (me,) = cli("consumers", "list", "--json").json
    assert set(me) == {"name", "cursor", "behind", "kinds", "graphs", "created_utc", "acknowledged_utc"}
    assert (me["cursor"], me["behind"]) == (6, 0)
    assert cli("consumers", "list").out.splitlines()[1].split()[:3] == ["me", "6", "0"]


def test_what_a_name_wants(shared):
    graph = shared("run", "--json", "--", "true").json["id"]
    other = shared("run", "--json", "--", "true").json["id"]
    words = ("--consumer", "ends", "--kind", "graph_ended", "--kind", "task_ended", "--graph", graph)
    events = shared("events", "--json", *words).lines
    assert [(event["kind"], event["graph"]) for event in events] == [("task_ended", graph), ("graph_ended", graph)]
    assert shared("events", "--json", "--consumer", "ends", "--ack").lines == events
    assert shared("events", "--json", "--consumer", "ends").lines == []
    refused = shared("events", "--json", "--consumer", "ends", "--graph", other, code=4).error
    assert refused["code"] == "NOT_ALLOWED"
    assert "consumers forget ends" in refused["hint"]


def test_a_new_one_may_begin_later(shared):
    shared("run", "--", "true")
    head = shared("events", "--json").lines[-1]["seq"]
    assert shown(shared, "--consumer", "late", "--since", "-2") == [head - 1, head]
    assert shown(shared, "--consumer", "none", "--since", str(head)) == []


def test_wait_for_the_next(cli):
    cli("up")
    waiting = cli.start("events", "--consumer", "me", "--kind", "graph_ended", "-f", "--limit", "2", "--ack", "--json")
    for _ in range(3):
        cli("run", "--", "true")
    out, err = waiting.communicate(timeout=30)
    assert (waiting.returncode, err) == (0, b"")
    assert [json.loads(line)["graph"] for line in out.splitlines()] == ["g1", "g2"]
    assert [event["graph"] for event in cli("events", "--consumer", "me", "--json").lines] == ["g3"]


def test_follow_a_graph_to_its_end(cli):
    graph = cli("submit", "--json", "--", "sleep", "0.3").json["graph"]
    words = ("events", "--consumer", "me", "--graph", graph, "--follow", "--ack", "--json")
    followed = cli(*words).lines
    assert followed[-1]["kind"] == "graph_ended"
    assert followed == cli("events", "--graph", graph, "--json").lines
    assert shown(cli, "--consumer", "me") == []


def test_follow_over_a_restart(cli):
    cli("run", "--", "true")
    process = cli.start("events", "--consumer", "me", "--follow", "--ack", "--json")
    first = [json.loads(process.stdout.readline()) for _ in range(6)]
    eventually(lambda: cli("consumers", "list", "--json").json[0]["behind"] == 0)
    cli.kill_daemon()
    cli("run", "--", "true")
    more = [json.loads(process.stdout.readline()) for _ in range(6)]
    assert [event["seq"] for event in first + more] == list(range(1, 13))
    eventually(lambda: cli("consumers", "list", "--json").json[0]["behind"] == 0)
    process.send_signal(2)
    assert process.communicate(timeout=20)[1] == b""
    assert process.returncode == 130


def test_what_nobody_took_is_not_acknowledged(cli):
    """The pipe is closed before anything is read."""
    cli("run", "--", "true")
    reader, writer = os.pipe()
    os.close(reader)
    command = [PROGRAM, "events", "--consumer", "me", "--ack"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=cli.env, check=False, timeout=30)
    os.close(writer)
    assert b"Traceback" not in done.stderr
    assert shown(cli, "--consumer", "me") == [1, 2, 3, 4, 5, 6]


def test_forget(cli):
    cli("run", "--", "true")
    assert cli("consumers", "list").out == "no consumers\n"
    for name in ("a", "b", "c"):
        cli("events", "--consumer", name, "--ack")
    assert cli("consumers", "forget", "a", "--json").json == {"consumers": ["a"]}
    assert cli("consumers", "forget", "--idle", "1d").out == "nothing to forget\n"
    assert cli("consumers", "forget", "b", "x", "--json", code=4).error["code"] == "UNKNOWN_CONSUMER"
    assert [consumer["name"] for consumer in cli("consumers", "list", "--json").json] == ["b", "c"]
    assert cli("consumers", "forget", "--idle", "0").out == "b forgotten\nc forgotten\n"
    assert shown(cli, "--consumer", "a") == [1, 2, 3, 4, 5, 6]


def test_wrong(shared):
    assert "--consumer NAME" in shared("events", "--ack", code=2).err
    assert "no possible name" in shared("events", "--consumer", "A b", code=2).err
    assert "did you mean 'graph_ended'?" in shared("events", "--kind", "graph_endet", code=2).err
    assert "1 or more" in shared("events", "--limit", "0", code=2).err
    assert shared("consumers", "forget", code=2).err
    assert shared("consumers", "forget", "a", "--idle", "1h", code=2).err
    assert shared("consumers", "forget", "--idle", "soon", code=2).err
    assert shared("consumers", "forget", "nobody", "--json", code=4).error["code"] == "UNKNOWN_CONSUMER"
    assert shared("events", "--consumer", "x", "--since", "999999", "--json", code=4).error["code"] == "NOT_ALLOWED"
