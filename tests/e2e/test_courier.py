"""Files and callbacks against a real daemon: each line once, each event at least once, whatever is killed."""

import hashlib
import hmac
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from .conftest import eventually

#: Of the campaign: what the suite runs; and all of it: ORCH_WHOLE=1 pytest tests/e2e/test_courier.py -k each_line
LINES, KILLS = (10_000, 20) if os.environ.get("ORCH_WHOLE") else (400, 3)

#: Long enough not to stand in the random bytes of the ballast.
KEY = b"k3y-of-the-hook-5eaf"


def outbox(cli, folder=None):
    """What was told; a line that is being written is left out."""
    try:
        data = Path(folder or cli.home, "outbox.jsonl").read_bytes()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in data.split(b"\n")[:-1]]


def append(cli, *documents, folder=None):
    with open(os.path.join(folder or cli.home, "inbox.jsonl"), "a") as file:
        file.write("".join(json.dumps(document) + "\n" for document in documents))


def replies(cli, folder=None):
    return {told["of"]: told for told in outbox(cli, folder) if told["kind"] == "reply" and "of" in told}


def reply(cli, name, folder=None):
    return eventually(lambda: replies(cli, folder).get(name))


def settings(cli, text):
    Path(cli.home, "config.toml").write_text(text)


def test_the_life_of_a_graph_by_files_alone(cli):
    settings(cli, "[files]\ninbox = true\n")
    cli("up")
    ask = {"name": "byfile", "tasks": [{"id": "a", "command": "true", "approve": True}]}
    append(cli, {"id": "s", "do": {"type": "submit_graph", "graph": ask}})
    graph = reply(cli, "s")["result"]["graph"]
    asked = eventually(lambda: [t["event"] for t in outbox(cli) if t.get("event", {}).get("kind") == "decision_asked"])
    append(
        cli,
        {"id": "add", "do": {"type": "add_tasks", "graph": graph, "tasks": [{"id": "b", "command": "true"}]}},
        {"id": "set", "do": {"type": "update_task", "graph": graph, "task": "a", "set": {"timeout": 5}}},
        {"id": "yes", "do": {"type": "decide", "ref": asked[0]["data"]["ref"], "choice": "approve"}},
        {"id": "bad", "do": {"type": "cancel", "graph": "g99"}},
    )
    with open(os.path.join(cli.home, "inbox.jsonl"), "a") as file:
        file.write("{torn\n\nnull\n")
    append(cli, {"type": "get_summaries", "graphs": [graph]})
    assert reply(cli, "bad")["error"]["code"] == "UNKNOWN_GRAPH"
    assert reply(cli, "add")["result"]["changes"]
    done = eventually(lambda: [told for told in outbox(cli) if told["kind"] == "all_done"])
    assert done[-1]["head"] > 0
    told = outbox(cli)
    assert [one["n"] for one in told] == list(range(1, len(told) + 1))
    bad = [one["error"] for one in told if one["kind"] == "reply" and "of" not in one and "error" in one]
    assert [error["code"] for error in bad] == ["INVALID_REQUEST"] * 2
    assert all(error["hint"] for error in bad)
    ends = [one["event"] for one in told if one["kind"] == "event"]
    assert [event["seq"] for event in ends] == sorted({event["seq"] for event in ends})
    assert ends[-1]["kind"] == "graph_ended"


APPENDER = """
import json, sys
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
for n in range(count):
    do = {"type": "add_tasks", "graph": "all", "tasks": [{"id": f"{name}-{n}", "command": "true"}]}
    with open(path, "a") as file:
        file.write(json.dumps({"id": f"{name}-{n}", "do": do}) + chr(10))
"""


def test_each_line_once_whatever_is_killed(cli):
    settings(cli, "[files]\ninbox = true\n")
    cli("up")
    hold = {"id": "hold", "command": "true", "approve": True}
    cli("submit", "-", text=json.dumps({"name": "all", "tasks": [hold]}))
    cli("pause", "all")
    path = os.path.join(cli.home, "inbox.jsonl")
    appenders = [
        subprocess.Popen([sys.executable, "-c", APPENDER, path, f"p{number}", str(LINES // 4)]) for number in range(4)
    ]
    for kill in range(KILLS):
        eventually(lambda kill=kill: len(replies(cli)) >= (kill + 1) * LINES // (KILLS + 1), within=120)
        os.kill(cli.pid(), signal.SIGKILL)
        cli("up")
    assert [process.wait(60) for process in appenders] == [0] * 4
    wanted = {f"p{number}-{n}" for number in range(4) for n in range(LINES // 4)}
    eventually(lambda: wanted <= set(replies(cli)), within=120)
    told = [one for one in outbox(cli) if one["kind"] == "reply"]
    assert len(told) == LINES
    assert not [one for one in told if "error" in one]
    assert {one["id"] for one in cli("status", "all", "--json").json["tasks"]} == {"hold", *wanted}
    added = cli("events", "--kind", "tasks_added", "--json").lines
    assert len(added) == LINES


def test_a_graph_has_an_inbox_of_its_own(cli, tmp_path):
    """Its lines are about the graph, each carried out once whatever is killed; its outbox tells of it alone."""
    hold = {"id": "hold", "command": "true", "approve": True}
    graph = tmp_path / "graph.json"
    graph.write_text(json.dumps({"name": "own", "files": "box", "tasks": [hold]}))
    (tmp_path / "box" / "g1").mkdir(parents=True)
    (tmp_path / "box" / "g1" / "outbox.jsonl").write_text('{"n": 9}\n')  # of another life
    cli("submit", str(graph))
    cli("submit", "-", text=json.dumps({"name": "other", "tasks": [hold]}))
    folder = cli("status", "g1", "--json").json["files"]
    assert folder == str(tmp_path / "box" / "g1")
    told = eventually(lambda: [one for one in outbox(cli, folder) if one.get("kind") == "event"])
    assert [one["event"]["data"]["ref"] for one in told] == ["d1"]
    assert [one["n"] for one in outbox(cli, folder)] == [1]
    append(
        cli,
        {"id": "foreign", "do": {"type": "cancel", "graph": "other"}},
        {"id": "decision", "do": {"type": "decide", "ref": "d2", "choice": "approve"}},
        {"id": "submit", "do": {"type": "submit_graph", "graph": {}}},
        {"id": "worker", "do": {"type": "pause", "worker": "shell"}},
        {"id": "why", "do": {"type": "why", "task": "hold"}},
        folder=folder,
    )
    assert reply(cli, "why", folder)["result"]["why"]["graph"] == "g1"
    refused = {one["error"]["message"] for one in outbox(cli, folder) if "error" in one}
    assert len(refused) == 4
    assert all("graph g1" in message for message in refused)
    for number in range(40):
        tasks = [{"id": f"t{number}", "command": "pwd"}]
        append(cli, {"id": str(number), "do": {"type": "add_tasks", "tasks": tasks}}, folder=folder)
        if number == 20:
            os.kill(cli.pid(), signal.SIGKILL)
    append(cli, {"id": "yes", "do": {"type": "decide", "ref": "d1", "choice": "approve"}}, folder=folder)
    cli("up")
    cli("wait", "g1")
    assert len(cli("events", "--graph", "g1", "--kind", "tasks_added", "--json").lines) == 40
    assert cli("logs", "g1/t7").out == f"{os.path.realpath(tmp_path / 'box')}\n"
    ends = eventually(lambda: [one for one in outbox(cli, folder) if one.get("event", {}).get("kind") == "graph_ended"])
    assert len(ends) == 1
    told = outbox(cli, folder)
    assert [one["n"] for one in told] == list(range(1, len(told) + 1))
    append(cli, {"id": "again", "do": {"type": "retry_tasks", "task": "t1"}}, folder=folder)
    assert reply(cli, "again", folder)["result"]["changes"]
    cli("wait", "g1")
    eventually(lambda: [one["name"] for one in cli("consumers", "list", "--json").json] == [])
    cli("prune", "g1")
    assert eventually(lambda: [one for one in outbox(cli, folder) if one["kind"] == "closed"])


def test_a_command_is_called_back(cli, tmp_path):
    told = tmp_path / "told.jsonl"
    command = f"cat >> {told}; echo >> {told}"
    settings(cli, f"[callbacks.mail]\non = ['task_failed', 'graph_ended']\ncommand = '{command}'\n")
    cli("up")
    cli("run", "--", "true")
    cli("run", "--", "false", code=1)
    events = eventually(lambda: (found := lines_of(told)) and len(found) == 3 and found)
    assert [(one["kind"], one["graph"]) for one in events] == [
        ("graph_ended", "g1"),
        ("task_ended", "g2"),
        ("graph_ended", "g2"),
    ]
    assert all(one["id"].endswith(f"-{one['seq']}") and one["callback"] == "mail" for one in events)


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_line_is_appended_and_a_callback_taken_out_is_forgotten(cli, tmp_path):
    told = tmp_path / "told.jsonl"
    cli("run", "--", "true")
    cli(
        "events", "--consumer", "callback.log", "--kind", "graph_submitted", "--ack"
    )  # of that name, for something else
    settings(cli, f"[callbacks.log]\non = ['graph_ended']\nappend = '{told}'\n")
    cli("config", "reload")
    cli("run", "--", "true")
    assert eventually(lambda: lines_of(told))[-1]["graph"] == "g2"
    settings(cli, "[files]\ninbox = true\n")
    cli("config", "reload")
    eventually(lambda: [one["name"] for one in cli("consumers", "list", "--json").json] == ["files"])


@pytest.fixture
def server():
    """An HTTP server: fails three times, hangs once, then takes what comes. `seen`: all; `taken`: answered."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            count = len(made.seen)
            made.seen.append((dict(self.headers), body))
            if count == 3:
                made.release.wait(20)
            self.send_response(500 if count < 3 else 204)
            self.end_headers()
            if count >= 4:
                made.taken.append(json.loads(body))

        def log_message(self, *_):
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.seen, made.taken, made.release = [], [], threading.Event()
    made.handle_error = lambda *_: None  # the client that hung up
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.release.set()
    made.shutdown()
    thread.join()
    made.server_close()


def test_a_server_that_fails_and_hangs_gets_each_event(cli, tmp_path, server):
    (tmp_path / "key").write_bytes(KEY + b"\n")
    port = server.server_address[1]
    settings(
        cli,
        f"[callbacks.hook]\nurl = 'http://127.0.0.1:{port}/x'\nsecret = {{file = '{tmp_path / 'key'}'}}\n"
        "timeout = 0.5\n"
        f"[callbacks.log]\non = ['graph_ended']\nappend = '{tmp_path / 'log'}'\n",
    )
    cli("up")
    begun = time.monotonic()
    for _ in range(3):
        cli("run", "--", "false", code=1)
    eventually(lambda: len(lines_of(tmp_path / "log")) == 3)  # which the slow one does not hold up
    assert time.monotonic() - begun < 15
    eventually(lambda: len({one["seq"] for one in server.taken}) == 6, within=40)
    for graph in ("g1", "g2", "g3"):
        kinds = [one["kind"] for one in server.taken if one["graph"] == graph]
        assert kinds == ["task_ended", "graph_ended"]
    for headers, body in server.seen:
        signed = hmac.new(KEY, headers["Orch-Timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
        assert headers["Orch-Signature"] == f"sha256={signed}"
        assert headers["Orch-Event-Id"] == json.loads(body)["id"]


def test_what_a_graph_says_of_its_callbacks_is_done_whatever_fails(cli, tmp_path, server):
    """In a graph document: signed POSTs to a server that fails and hangs, beside others that it does not delay."""
    (tmp_path / "key").write_bytes(KEY + b"\n")
    (tmp_path / "where").write_text(f"http://127.0.0.1:{server.server_address[1]}/hook\n")
    hook = {"url": {"file": "where"}, "secret": {"file": "key"}, "timeout": 0.5}
    log = {"on": "graph_ended", "append": "log"}
    command = {"on": ["task_failed"], "command": 'line=$(cat) && echo "$line" >> told && test -n "$ORCH_ACTORS_HOME"'}
    document = {"name": "tells", "callbacks": [hook, log, command], "tasks": [{"id": "a", "command": "false"}]}
    file = tmp_path / "graph.json"
    file.write_text(json.dumps(document))
    for _ in range(2):
        cli("run", str(file), code=1)
    eventually(lambda: len(lines_of(tmp_path / "log")) == len(lines_of(tmp_path / "told")) == 2)
    assert len(server.taken) < 4  # which the slow one did not hold up
    assert "not all of its callbacks" in cli("prune", "g1", code=4).err
    cli("add", "g2", "--id", "b", "--", "false")  # it ends a second time
    os.kill(cli.pid(), signal.SIGKILL)
    cli("up")
    cli("wait", "g2", code=1)
    eventually(lambda: len({one["seq"] for one in server.taken}) == 6, within=40)
    for graph, kinds in (("g1", 1), ("g2", 2)):
        told = list(dict.fromkeys((one["seq"], one["kind"]) for one in server.taken if one["graph"] == graph))
        assert told == sorted(told)
        assert [kind for _, kind in told] == ["task_ended", "graph_ended"] * kinds
    for headers, body in server.seen:
        signed = hmac.new(KEY, headers["Orch-Timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
        assert headers["Orch-Signature"] == f"sha256={signed}"
    eventually(lambda: cli("consumers", "list", "--json").json == [])
    assert sorted((one["callback"], one["kind"]) for one in lines_of(tmp_path / "told")) == [
        ("g1.3", "task_ended"),
        ("g2.3", "task_ended"),
        ("g2.3", "task_ended"),
    ]
    assert len(cli("prune", "--keep", "0", "--json").json["graphs"]) == 2
    whole = b"".join(path.read_bytes() for path in Path(cli.home).rglob("*") if path.is_file())
    assert KEY not in whole
    assert b"/hook" not in whole


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[callbacks.x]\n", "exactly one of command, url and append"),
        ("[callbacks.x]\ncommand = 'a'\nurl = 'http://h'\n", "command and url"),
        ("[callbacks.x]\nurl = 'ftp://h'\n", "expected http"),
        ("[callbacks.X]\ncommand = 'a'\n", "callback's name"),
        ("[callbacks.x]\ncommand = 'a'\non = ['graph_done']\n", "graph_ended"),
        ("[callbacks.x]\ncommand = 'a'\non = []\n", "never be told"),
        ("[callbacks.x]\nappend = 'relative'\n", "absolute"),
        ("[callbacks.x]\ncommand = 'a'\nsecret = {file = '/b'}\n", "no url"),
        ("[files]\ninbx = true\n", "inbox"),
    ],
)
def test_settings_that_make_no_sense(cli, text, said):
    settings(cli, text)
    assert said in cli("up", code=100).err
    settings(cli, "")
