"""`run` says what is asked, and how to answer it."""

import json
import shlex

GRAPH = json.dumps({"name": "asked", "tasks": [{"id": "deploy", "command": "true", "approve": True}]})


def answer_in(lines, mark):
    """The command behind the mark, its choices cut to the first."""
    line = next(line.decode() for line in lines if mark in line.decode())
    words = shlex.split(line.partition("answer: ")[2])
    assert words[:2] == ["orch-actors", "decide"]
    assert words[3] == "approve|reject"
    return [*words[1:3], "approve", *words[4:]]


def test_in_lines(shared, write):
    run = shared.start("run", write(GRAPH), "--home", shared.home)
    words = answer_in(run.stdout, "answer: ")
    assert words[-2:] == ["--home", shared.home]
    shared(*words)
    out, err = run.communicate(timeout=30)
    assert run.returncode == 0, (out, err)
    assert b"? deploy  answered: approve" in out
    assert b"deploy  done" in out


def test_in_json_on_stderr(shared, write):
    run = shared.start("run", write(GRAPH), "--json")
    shared(*answer_in(run.stderr, "answer: "))
    out, _err = run.communicate(timeout=30)
    assert run.returncode == 0
    assert json.loads(out)["state"] == "done"
