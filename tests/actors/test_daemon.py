"""The supervisor process as a whole: how it starts, what keeps it from starting, and how it ends."""

import json
import os
import shutil
import signal
import socket as sockets
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from daemon_harness import DEADLINE_S, Place, alive, command, eventually, one_task

from orch_actors.actors.daemon import Starter, is_gone
from orch_actors.actors.holding import HomeInUse, holding
from orch_actors.actors.journal.record import encode_line
from orch_actors.actors.process.ending import Ending
from orch_actors.protocol import codec, messages
from orch_actors.protocol.errors import OrchError
from orch_actors.protocol.homes import Home


@pytest.fixture
def place():
    made = Place()
    yield made
    made.close()


def hello(place):
    with place.client() as client:
        return client.hello()


# --- parts --------------------------------------------------------------------------------------------------------


def test_the_starter_is_told_once_and_no_other_file_is_written():
    read, write = os.pipe()
    starter = Starter(write)
    starter.tell({"pid": 1})
    taken = os.memfd_create("takes the number")
    try:
        starter.tell({"error": 1})
        assert os.read(read, 100) == b'{"pid":1}\n'
        assert os.read(read, 100) == b""
        assert os.fstat(taken).st_size == 0
    finally:
        os.close(read)
        os.close(taken)


def test_a_starter_that_went_away_is_no_fault():
    read, write = os.pipe()
    os.close(read)
    Starter(write).tell({"pid": 1})
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(write)
    Starter(None).tell({"pid": 1})


@pytest.fixture
def ending():
    made = Ending(lambda name, error: None)
    yield made
    os.close(made._read)
    os.close(made._write)


def test_the_first_crash_counts_and_is_the_end(ending):
    ending.crashed("a", error := ValueError("first"))
    ending.crashed("b", ValueError("second"))
    assert list(ending.signals()) == []
    assert ending.crash is error


def test_no_flood_of_signals_keeps_the_end_away(ending):
    with suppress(BlockingIOError):
        while True:
            os.write(ending._write, b"\1" * 4096)
    ending.asked()
    assert sum(1 for _ in ending.signals()) == 0


def test_the_lock_is_held_by_one_and_given_back(tmp_path):
    home = Home(str(tmp_path))
    with holding(home):
        assert Path(home.lock).read_text() == f"{os.getpid()}\n"
        with pytest.raises(HomeInUse), holding(home):
            pass
    with holding(home):
        pass
    assert os.path.exists(home.lock)


@pytest.mark.parametrize("how", ["lock removed", "lock replaced", "home removed", "home moved"])
def test_a_home_that_is_not_where_it_was_is_noticed(tmp_path, how):
    home = Home(str(tmp_path / "home"))
    os.mkdir(home.path)
    with holding(home) as fd:
        assert not is_gone(home, fd)
        match how:
            case "lock removed":
                os.unlink(home.lock)
            case "lock replaced":
                os.unlink(home.lock)
                Path(home.lock).touch()
            case "home removed":
                shutil.rmtree(home.path)
            case "home moved":
                os.rename(home.path, tmp_path / "elsewhere")
        assert is_gone(home, fd)


def test_a_tick_comes_where_no_signal_does(ending):
    ticks = ending.signals(0.01)
    assert [next(ticks), next(ticks)] == [0, 0]
    os.write(ending._write, b"\x0f")
    assert next(number for number in ticks if number) == 15
    ending.asked()
    assert list(ticks) == []


# --- starting -----------------------------------------------------------------------------------------------------


def test_it_starts_says_so_and_serves(place):
    daemon = place.start().ready()
    welcome = hello(place)
    assert (welcome.pid, welcome.home, welcome.head) == (daemon.pid, place.path, 0)
    assert daemon.term() == 0
    assert daemon.errors() == ""


def test_a_second_one_on_the_same_home_does_not_start_and_takes_nothing_away(place):
    first = place.start().ready()
    second = place.start()
    assert second.said()["exit_code"] == second.wait() == 111
    assert "another daemon serves" in second.said()["error"]["message"]
    assert second.errors().count("\n") == 2
    assert place.path in second.errors()
    assert hello(place).pid == first.pid


def test_of_twenty_started_at_once_exactly_one_lives(place):
    daemons = [place.start() for _ in range(20)]
    serving = [daemon for daemon in daemons if daemon.said() == {"pid": daemon.pid}]
    assert len(serving) == 1
    assert [daemon.wait() for daemon in daemons if daemon is not serving[0]] == [111] * 19
    assert hello(place).pid == serving[0].pid
    _, body = command(one_task("g"))
    assert codec.REPLY.decode(place.ask(body)).result.graph == "g1"
    assert len(place.segments()) == 1


def test_stale_sockets_and_a_stale_lock_are_in_nobodys_way(place):
    place.home.prepare()
    for endpoint in (place.home.commands, place.home.workers, place.home.events):
        with sockets.socket(sockets.AF_UNIX) as left_behind:
            left_behind.bind(endpoint.removeprefix("ipc://"))
    Path(place.home.lock).write_text("1\n")
    daemon = place.start().ready()
    assert hello(place).pid == daemon.pid


def test_links_as_sockets_are_taken_away_and_not_followed(place, tmp_path):
    place.home.prepare()
    for endpoint in (place.home.commands, place.home.workers, place.home.events):
        os.symlink(tmp_path / "elsewhere", endpoint.removeprefix("ipc://"))
    daemon = place.start().ready()
    assert hello(place).pid == daemon.pid
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("part", ["", "journal", "attempts", "run", "lock", "daemon.log", "config.toml", "logs"])
def test_a_link_in_the_home_is_refused_with_a_sentence(place, tmp_path, part):
    place.home.prepare()
    path = os.path.join(place.path, part).rstrip("/")
    if os.path.isdir(path):
        shutil.rmtree(path)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    os.symlink(tmp_path / "elsewhere", path)
    daemon = place.start()
    assert daemon.wait() == 100
    assert path in daemon.errors()
    assert "link" in daemon.errors()
    assert os.listdir(tmp_path / "elsewhere") == []
    os.unlink(path)


@pytest.mark.parametrize("level", ["graph", "journal"])
def test_a_link_as_a_graphs_folder_is_refused_and_the_task_says_so(place, tmp_path, level):
    place.start().ready()
    journal = os.path.join(place.home.attempts, hello(place).journal[-12:])
    folder = os.path.join(journal, "g1") if level == "graph" else journal
    os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
    os.symlink(tmp_path, folder)
    _, body = command(one_task("g"))
    place.ask(body)
    with place.client() as client:
        (ended,) = client.wait(["g1"], timeout_s=20)
        (task,) = client.graph("g1").tasks
    assert (ended.state, task.class_) == ("failed", "spawn")
    assert f"{folder} is not a folder but a link" in task.reason
    assert os.listdir(tmp_path) == []


def test_after_kill_9_the_next_one_starts_at_once(place):
    journal = None
    for _ in range(3):
        daemon = place.start().ready()
        welcome = hello(place)
        assert journal in (None, welcome.journal)
        journal = welcome.journal
        daemon.kill()


def tree(place):
    """Everything in the home but the log and the lock, which say nothing of state."""
    found = {}
    for folder, _, names in os.walk(place.path):
        for name in names:
            path = os.path.join(folder, name)
            if name not in ("daemon.log", "lock") and not path.endswith(".sock"):
                found[path] = Path(path).read_bytes()
    return found


def flip(data, place):
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: flip(data, len(data) // 2), "line"),
        (lambda data: flip(data, 5), "line 1"),
        (lambda data: data[data.index(b"\n") + 1 :], "header is missing"),
        (lambda data: data.replace(b'"orch_journal":1', b'"orch_journal":1.5'), "line 1"),
        (lambda data: data.replace(b'"t":"command"', b'"t":"edict"'), "line 2"),
    ],
    ids=["a flipped bit", "in the header", "no header", "another header", "another type"],
)
def test_a_damaged_journal_is_refused_with_its_place_and_nothing_is_changed(place, damage, said):
    daemon = place.start().ready()
    for number in range(3):
        place.ask(command(one_task(f"n{number}"))[1])
    daemon.term()
    (path,) = place.segments()
    path.write_bytes(damage(path.read_bytes()))
    before = tree(place)
    for _ in range(2):
        refused = place.start()
        assert refused.said()["exit_code"] == refused.wait() == 100
        error = refused.said()["error"]
        assert error["code"] == "ENVIRONMENT"
        assert str(path) in error["message"]
        assert said in error["message"]
        assert error["hint"]
        assert error["message"] in refused.errors()
        assert "Traceback" not in refused.errors()
        assert tree(place) == before


def test_a_journal_that_this_version_cannot_understand_is_refused(place):
    place.start().ready().term()
    (path,) = place.segments()
    header = path.read_bytes()
    crc = header[-11:-3].decode()
    line, _ = encode_line(1, 0, crc, "outcome", b'{"of":null,"at":1,"e":1,"facts":[{"k":"graph_sang","graph":"g1"}]}')
    path.write_bytes(header + line)
    refused = place.start()
    assert refused.wait() == refused.said()["exit_code"] == 100
    assert "sequence 1 cannot be understood" in refused.errors()
    assert path.read_bytes() == header + line


def add_line(path, facts):
    """Put a valid outcome line at the end of a segment: facts as JSON."""
    lines = path.read_bytes().splitlines()
    last = json.loads(lines[-1])
    seen = [json.loads(line) for line in lines]
    told = max((one["d"]["e"] + len(one["d"]["facts"]) for one in seen if one.get("t") == "outcome"), default=1)
    data = b'{"of":null,"at":1,"e":%d,"facts":[%s]}' % (told, facts)
    line, _ = encode_line(last.get("s", 0) + 1, last.get("s", 0), last["c"], "outcome", data)
    path.write_bytes(path.read_bytes() + line)
    return last.get("s", 0) + 1


def test_a_line_that_makes_no_sense_for_one_task_puts_it_into_quarantine_and_the_rest_starts(place, tmp_path):
    go = tmp_path / "go"
    first = place.start().ready()
    with place.client() as client:
        line = f"until [ -e {go} ]; do sleep 0.02; done"
        tasks = {
            "bad": {"command": line},
            "next": {"command": "true", "depends_on": ["bad"]},
            "good": {"command": line},
        }
        graph = client.submit({"name": "g", "tasks": tasks}).graph
        eventually(lambda: client.summaries([graph]).graphs[0].counts.get("running") == 2)
        first.kill()
        (path,) = place.segments()
        sequence = add_line(path, b'{"k":"task_ready","graph":"g1","task":"bad"}')
        for _ in range(2):
            daemon = place.start().ready()
            found = {task.id: task for task in client.graph(graph).tasks}
            assert (found["bad"].state, found["bad"].class_) == ("failed", "quarantine")
            assert f"the journal's sequence {sequence} makes no sense for it" in found["bad"].reason
            assert "attempt 1 may still run" in found["bad"].reason
            assert (found["next"].state, found["good"].state) == ("skipped", "running")
            daemon.kill()
        assert Path(place.home.log).read_text().count("g1/bad goes into quarantine") == 1  # for good
        place.start().ready()
        go.touch()
        (summary,) = client.wait([graph], timeout_s=DEADLINE_S)
        assert (summary.state, summary.counts) == ("failed", {"done": 1, "failed": 1, "skipped": 1})
        client.retry(graph, "bad")
        (summary,) = client.wait([graph], timeout_s=DEADLINE_S)
        assert (summary.state, summary.counts) == ("done", {"done": 3})
        assert [attempt.class_ for attempt in client.graph(graph).tasks[0].attempts] == ["unknown", None]


def test_a_line_that_makes_no_sense_for_a_graph_is_refused(place):
    daemon = place.start().ready()
    place.ask(command(one_task("n", approve=True))[1])
    daemon.kill()
    (path,) = place.segments()
    sequence = add_line(path, b'{"k":"graph_resumed","graph":"g1"}')
    refused = place.start()
    assert refused.wait() == refused.said()["exit_code"] == 100
    assert f"sequence {sequence} cannot be understood: " in refused.errors()
    assert "g1 is running" in refused.errors()


def test_a_torn_tail_is_cut_kept_and_logged(place):
    place.start().ready().term()
    (path,) = place.segments()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"s":1,"y"')
    place.start().ready().term()
    assert path.read_bytes().startswith(whole)
    (kept,) = [name for name in os.listdir(place.home.journal) if name.startswith("torn-")]
    assert (Path(place.home.journal) / kept).read_bytes() == b'{"s":1,"y"'
    assert "10 bytes were kept aside" in Path(place.home.log).read_text()


def test_settings_that_are_wrong_are_explained(place):
    place.home.prepare()
    Path(place.home.config).write_text("[workers.shell]\nlimt = 3\n")
    refused = place.start()
    assert refused.wait() == refused.said()["exit_code"] == 100
    assert "limt" in refused.errors()
    assert not os.listdir(place.home.journal)


@pytest.mark.parametrize("what", ["lock", "commands.sock", "journal"])
def test_what_stands_in_the_way_is_explained(place, what):
    place.home.prepare()
    if what == "lock":
        os.mkdir(place.home.lock)
    elif what == "journal":
        os.rmdir(place.home.journal)
        Path(place.home.journal).write_text("")
    else:
        os.mkdir(place.home.commands.removeprefix("ipc://"))
    refused = place.start()
    assert refused.wait() == refused.said()["exit_code"]
    assert refused.wait() in (100, 111)
    assert what in refused.errors()
    assert "Traceback" not in refused.errors()


def test_a_lock_that_is_a_link_is_not_followed(place, tmp_path):
    place.home.prepare()
    (tmp_path / "precious").write_text("precious")
    os.symlink(tmp_path / "precious", place.home.lock)
    assert place.start().wait() == 100
    assert (tmp_path / "precious").read_text() == "precious"


# --- ending -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_its_hosts_leave(place, number):
    daemon = place.start().ready()
    (host,) = eventually(daemon.hosts)
    os.kill(daemon.pid, number)
    assert daemon.wait() == 0
    assert not alive(host)
    assert place.processes() == []
    assert Path(place.home.log).read_text().rstrip().endswith("down")


def test_a_signal_that_comes_while_it_starts_ends_it_too(place):
    """At any moment: by the default action before it listens, cleanly after."""
    codes = set()
    for wait_s in (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4):
        daemon = place.start()
        threading.Event().wait(wait_s)
        codes.add(daemon.term())
    assert codes <= {0, -signal.SIGTERM}
    eventually(lambda: not place.processes())


def test_many_signals_end_it_once(place):
    daemon = place.start().ready()
    for _ in range(50):
        if daemon.process.poll() is None:
            daemon.process.terminate()
    assert daemon.wait() == 0


@pytest.mark.parametrize("how", ["kill", "term"])
def test_when_it_dies_its_hosts_leave_and_what_runs_runs_on(place, how, tmp_path):
    daemon = place.start().ready()
    _, body = command(one_task("g", f"echo begun >>{tmp_path}/o; until [ -e {tmp_path}/go ]; do sleep 0.01; done"))
    place.ask(body)
    eventually((tmp_path / "o").exists)
    hosts = daemon.hosts()
    assert hosts
    daemon.kill() if how == "kill" else daemon.term()
    eventually(lambda: not [pid for pid in hosts if alive(pid)], "the hosts leave")
    assert place.processes(), "the attempt runs on"
    (tmp_path / "go").touch()
    eventually(lambda: not place.processes())
    place.start().ready()
    with place.client() as client:
        (summary,) = client.wait(["g1"], timeout_s=DEADLINE_S)
        assert summary.state == "done"
    assert (tmp_path / "o").read_text() == "begun\n"


def test_stopping_answers_first(place):
    daemon = place.start().ready()
    with place.client() as client:
        assert client.shutdown().pid == daemon.pid
    assert daemon.wait() == 0


def test_its_settings_are_read_again_on_hangup(place):
    daemon = place.start().ready()
    config = Path(place.home.config)

    def limit():
        with place.client() as client:
            return {worker.type: worker.limit for worker in client.status().workers}["shell"]

    config.write_text("[workers.shell]\nlimit = 7\n")
    os.kill(daemon.pid, signal.SIGHUP)
    eventually(lambda: limit() == 7)
    config.write_text("[workers.shell]\nlimit = 0\n")
    os.kill(daemon.pid, signal.SIGHUP)
    eventually(lambda: "the settings stay as they were" in Path(place.home.log).read_text())
    assert limit() == 7
    assert daemon.term() == 0


# --- what clients cannot do ---------------------------------------------------------------------------------------


def test_no_request_kills_it(place):
    """What msgpack carries and JSON does not, and numbers at their bounds."""
    daemon = place.start().ready()
    ext = codec.msgspec.msgpack.Ext(5, b"x")
    odd = [ext, {None: 1}, b"\xff", float("nan"), 2**64 - 1, -(2**63), {1: {2: 3}}, "\0", "\u2028"]
    tasks = [{"id": "t", "worker": "shell", "command": "true", "env": {"A": value}} for value in odd]
    documents = [{"name": value, "tasks": []} for value in odd] + [{"name": "n", "tasks": [task]} for task in tasks]
    requests = [messages.SubmitGraph(graph=graph, dry_run=dry) for graph in documents for dry in (False, True)]
    requests += [messages.SubmitGraph(graph=value) for value in ({}, {"": ext}, {"name": "n", "tasks": ext})]
    requests += [messages.ReadEvents(since=-(2**63), limit=2**62), messages.ReadEvents(since=2**62, limit=-1)]
    requests += [
        messages.GetGraph(graph=""),
        messages.GetGraph(graph="\0"),
        messages.GetSummaries(graphs=("g1",) * 1000),
    ]
    requests += [messages.Cancel(graph="../..", task="/"), messages.ReadLog(graph="g1", task="t", attempt=2**62)]
    for do in requests:
        request_id, _ = command(messages.Cancel(graph=""))
        body = codec.encode(messages.Request(id=request_id, client="c", do=do))
        reply = codec.REPLY.decode(place.ask(body))
        assert reply.error is None or reply.error.code != "INTERNAL"
    assert hello(place).pid == daemon.pid
    assert daemon.term() == 0


def nested(depth, inside):
    """JSON of a list in a list in a …, in a place where anything may stand."""
    return inside.replace("DEEP", "[" * depth + "]" * depth)


DEEP = [
    '{"type":"submit_graph","graph":{"name":"n","tasks":[{"id":"t","worker":"python","call":"a:b","args":[DEEP]}]}}',
    '{"type":"submit_graph","graph":{"name":"n","tasks":[{"id":"t","command":"true"}],"x":DEEP}}',
    '{"type":"submit_graph","dry_run":true,"graph":{"name":"n","tasks":DEEP}}',
    '{"type":"add_tasks","graph":"g1","tasks":[{"id":"x","command":DEEP}]}',
    '{"type":"update_task","graph":"g1","task":"t","set":{"env":DEEP}}',
    '{"type":"retry_tasks","graph":"g1","task":"t","set":{"retry":DEEP}}',
    '{"type":"get_graph","graph":DEEP}',
    '{"type":"set_limit","graph":"g1","worker":DEEP}',
    '{"type":"nonsense","x":DEEP}',
]


@pytest.mark.parametrize("inside", DEEP, ids=range(len(DEEP)))
def test_what_is_nested_deeply_is_refused_and_kills_nobody(place, inside):
    """From the deepest that a document may be to what no stack could hold, in both encodings."""
    daemon = place.start().ready()
    assert place.ask(command(one_task("g"))[1])
    for depth in (64, 65, 66, 200, 480, 900, 970, 985, 990, 995, 1000, 5000, 200_000):
        request_id, _ = command(messages.Cancel(graph=""))
        text = f'{{"id":"{request_id}","client":"c","v":1,"do":{nested(depth, inside)}}}'.encode()
        bodies = [text]
        if depth < 900:
            bodies.append(codec.json_to("msgpack", text))
        for body in bodies:
            answer = place.ask(body, patience_s=3.0, try_s=3.0)
            reply = codec.REPLY.decode(answer)
            assert reply.error is not None, depth
            assert reply.error.code in ("INVALID_REQUEST", "INVALID_GRAPH", "NOT_ALLOWED"), (depth, reply.error)
    assert hello(place).pid == daemon.pid
    assert daemon.term() == 0


def test_it_needs_no_descriptor_of_its_starter(place):
    """Started by hand, without --ready-fd."""
    place.home.prepare()
    process = subprocess.Popen([sys.executable, "-m", "orch_actors.actors", "--home", place.path])
    try:
        assert hello(place).pid == process.pid
    finally:
        process.terminate()
        assert process.wait(DEADLINE_S) == 0


# --- a home that is taken away ------------------------------------------------------------------------------------


def test_a_daemon_whose_home_is_removed_stops_with_a_sentence_and_brings_nothing_back(place):
    daemon = place.start().ready()
    hosts = eventually(daemon.hosts)
    shutil.rmtree(place.path)
    assert daemon.wait() == 100
    said, hint = daemon.errors().splitlines()
    assert said == f"orch-actors: the home {place.path} was removed, or replaced, under its daemon, which has stopped"
    assert f"ORCH_ACTORS_HOME={place.path}" in hint
    eventually(lambda: not any(map(alive, hosts)))
    assert not os.path.exists(place.path)


def test_nothing_is_accepted_into_a_journal_that_was_removed(place):
    daemon = place.start().ready()
    with place.client() as client:
        client.hello()
        (path,) = place.segments()
        path.unlink()
        with pytest.raises(OrchError):
            client.request(one_task("n"), timeout_s=2)
    assert daemon.wait() == 111
    assert "somebody has removed its file" in daemon.errors()


# --- only to end --------------------------------------------------------------------------------------------------


def test_a_daemon_that_comes_only_to_end_starts_nothing_and_goes(place, tmp_path):
    marks = [tmp_path / name for name in "ab"]
    running, waits = [f"echo >>{mark}; trap 'exit 9' TERM; while :; do sleep 0.05; done" for mark in marks]
    place.home.prepare()
    Path(place.home.config).write_text("[workers.shell]\nlimit = 1\n")
    first = place.start().ready()
    with place.client() as client:
        graph = client.submit({"name": "g", "tasks": {"a": {"command": running}, "b": {"command": waits}}}).graph
        eventually(marks[0].exists)
        first.kill()
        last = place.start(more=["--only-to-end"])
        assert last.wait() == 0
        place.start().ready()
        a, b = client.graph(graph).tasks
        assert (a.state, a.reason) == ("cancelled", "ended by `down --kill`")
        assert (len(a.attempts), a.attempts[0].exit_code) == (1, 9)
        eventually(marks[1].exists)  # what waited was not touched
        assert marks[0].read_text() == "\n"
        client.cancel(graph)
        client.wait([graph], timeout_s=DEADLINE_S)
        assert b.state == "ready"


def test_with_nothing_to_end_it_goes_at_once(place):
    place.start().ready().term()
    last = place.start(more=["--only-to-end"])
    assert last.wait() == 0
    assert last.errors() == ""
