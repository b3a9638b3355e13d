"""`wait`."""

import os
import signal
import time
from pathlib import Path

from .conftest import eventually


def _submit(cli, *words):
    return cli("submit", "--json", "--", *words).json["graph"]


def test_all_done(shared):
    graphs = [_submit(shared, "true"), _submit(shared, "true")]
    ran = shared("wait", *graphs)
    assert [line.split()[0] for line in ran.out.splitlines()] == graphs
    found = shared("wait", *graphs, "--json").json["graphs"]
    assert [each["id"] for each in found] == graphs
    assert all({"id", "name", "state", "counts"} <= set(each) for each in found)


def test_one_failed(shared):
    assert "✗ failed" in shared("wait", _submit(shared, "true"), _submit(shared, "false"), code=1).out


def test_any(shared):
    slow, quick = _submit(shared, "sleep", "66"), _submit(shared, "true")
    ran = shared("wait", slow, quick, "--any")
    assert ran.out.split()[0] == quick
    assert len(ran.out.splitlines()) == 1
    shared("cancel", slow)
    shared("wait", slow, code=1)


def test_too_late(shared):
    slow = _submit(shared, "sleep", "67")
    error = shared("wait", slow, "--timeout", "200ms", "--json", code=124).error
    assert error["code"] == "TIMED_OUT"
    assert slow in error["message"]
    assert slow in shared("wait", slow, "--timeout", "0.1", code=124).err
    shared("cancel", slow)


def test_wrong(shared):
    assert "soon" in shared("wait", "g1", "--timeout", "soon", code=2).err
    assert shared("wait", "g999", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"


def test_ctrl_c(shared):
    slow = _submit(shared, "sleep", "68")
    process = shared.start("wait", slow)
    eventually(lambda: _waits(process.pid))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, b"", b"interrupted\n")
    shared("cancel", slow)


def _waits(pid):
    """ZeroMQ's threads are there: the client is talking."""
    return b"Threads:\t1\n" not in Path(f"/proc/{pid}/status").read_bytes()


def test_a_daemon_that_is_gone_for_good(cli):
    graph = _submit(cli, "sleep", "72")
    process = cli.start("wait", graph, "--json")
    eventually(lambda: _waits(process.pid))
    cli.kill_daemon()
    out, err = process.communicate(timeout=40)
    assert process.returncode == 3, (out, err)
    assert b'"UNAVAILABLE"' in out
    cli("up")  # so that the end can tidy up


def test_a_wait_goes_on_over_a_dead_daemon(cli):
    graph = _submit(cli, "sleep", "1.5")
    process = cli.start("wait", graph)
    eventually(lambda: _waits(process.pid))
    cli.kill_daemon()
    cli("up")
    out, err = process.communicate(timeout=40)
    assert process.returncode == 0, (out, err)


def test_a_daemon_that_stands_still_does_not_make_it_longer(cli):
    graph = _submit(cli, "sleep", "69")
    pid = cli.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        began_at = time.monotonic()
        error = cli("wait", graph, "--timeout", "2s", "--json", code=124).error
        assert time.monotonic() - began_at < 8  # a client's own patience is 10 s
    finally:
        os.kill(pid, signal.SIGCONT)
    assert error["message"] == "after 2 s no daemon has answered"
