"""`ask`: from inside a running task, and by hand."""

import json
import os
import shlex

from .conftest import PROGRAM
from .graphs import UNTIL_GO, ended, open_decision, submit, task, tasks, until

ASK = shlex.quote(PROGRAM) + " ask"


def test_a_task_waits_for_its_answer(shared):
    graph = submit(shared, task("a", f"x=$({ASK} 'Which region?' --option eu --option us --wait); echo got $x"))
    decision = open_decision(shared, graph)
    assert (decision["kind"], decision["question"]) == ("question", "Which region?")
    assert (decision["options"], decision["default"]) == (["eu", "us"], "eu")
    assert tasks(shared, graph)["a"]["state"] == "running"
    shared("decide", decision["ref"], "us", "--note", "nearer")
    ended(shared, graph)
    assert shared("logs", f"{graph}/a", "--stdout").out == "got us\n"
    assert "nearer" in shared("logs", f"{graph}/a", "--stderr").out


def test_the_default_at_the_deadline(shared):
    graph = submit(shared, task("a", f"{ASK} 'Go on?' --default no --deadline 200ms --wait --json"))
    ended(shared, graph)
    answer = json.loads(shared("logs", f"{graph}/a").out)
    assert (answer["graph"], answer["task"], answer["choice"], answer["by"]) == (graph, "a", "no", "deadline")
    assert set(answer) == {"ref", "graph", "task", "choice", "note", "by"}


def test_without_waiting(shared):
    """It leaves before it has the answer; its next attempt has it."""
    graph = submit(shared, task("a", f'test -e "$ORCH_ANSWER" && exec cat "$ORCH_ANSWER"; {ASK} "Go on?"'))
    until(shared, graph, a="blocked")
    decision = open_decision(shared, graph)
    assert shared("logs", f"{graph}/a").out == f"{decision['ref']}\n"
    shared("decide", decision["ref"], "no", "--note", "stop here")
    ended(shared, graph)
    answer = shared("logs", f"{graph}/a").json
    assert (answer["ref"], answer["question"], answer["choice"]) == (decision["ref"], "Go on?", "no")
    assert answer["note"] == "stop here"


def test_by_hand(shared, tmp_path):
    os.mkfifo(tmp_path / "go")
    graph = submit(shared, task("a", UNTIL_GO, cwd=str(tmp_path)))
    until(shared, graph, a="running")
    words = ("ask", "Sure?", "--graph", graph, "--task", "a")
    ref = shared(*words).out.strip()
    assert shared(*words, "--json").json == {
        "ref": ref, "graph": graph, "task": "a", "choice": None, "note": "", "by": "",
    }  # fmt: skip
    assert shared("ask", "Another?", "--graph", graph, "--task", "a", "--json", code=4).error["code"] == "NOT_ALLOWED"
    late = shared(*words, "--wait", "--timeout", "200ms", "--json", code=124).error
    assert (late["code"], ref in late["message"]) == ("TIMED_OUT", True)
    shared("decide", ref, "no")
    waiting = shared.start(*words, "--wait")  # the answered one is over: this is another
    other = open_decision(shared, graph)["ref"]
    assert other != ref
    shared("decide", other, "yes")
    out, err = waiting.communicate(timeout=20)
    assert (waiting.returncode, out) == (0, b"yes\n"), err
    shared("cancel", graph)


def test_the_wait_outlives_the_daemon(cli):
    graph = submit(cli, task("a", f"{ASK} 'Go on?' --wait"))
    decision = open_decision(cli, graph)
    cli.kill_daemon()
    cli("up")
    assert open_decision(cli, graph)["ref"] == decision["ref"]
    cli("decide", decision["ref"], "no")
    ended(cli, graph)
    assert cli("logs", f"{graph}/a", "--stdout").out == "no\n"
    assert len(tasks(cli, graph)["a"]["attempts"]) == 1


def test_a_question_that_nobody_will_answer(cli):
    graph = submit(cli, task("a", "sleep 71"))
    until(cli, graph, a="running")
    waiting = cli.start("ask", "Go on?", "--graph", graph, "--task", "a", "--wait", "--json")
    open_decision(cli, graph)
    cli("cancel", graph)
    out, err = waiting.communicate(timeout=20)
    assert waiting.returncode == 4, (out, err)
    assert json.loads(out)["error"]["code"] == "NOT_ALLOWED"


def test_wrong(shared):
    graph = submit(shared, task("a"))
    ended(shared, graph)
    assert shared("ask", "x", "--graph", graph, "--task", "a", "--json", code=4).error["code"] == "NOT_ALLOWED"
    assert "which task asks" in shared("ask", "x", code=2).err
    assert "none of the options" in shared("ask", "x", "--graph", graph, "--task", "a", "--default", "z", code=2).err
    assert "--timeout is for --wait" in shared(
        "ask", "x", "--graph", graph, "--task", "a", "--timeout", "1s", code=2
    ).err  # fmt: skip
