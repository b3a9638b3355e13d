"""`decide`."""

import os

from .graphs import ended, open_decision, states, submit, task, until


def test_the_answer_reaches_the_task(shared):
    graph = submit(shared, task("a", "cat $ORCH_ANSWER", approve=True), task("b", "true", "a"))
    ref = open_decision(shared, graph)["ref"]
    decided = shared("decide", ref, "approve", "--note", "go \x1b[2J", "--json").json
    assert decided == {"ref": ref, "graph": graph, "task": "a", "worker": "", "choice": "approve", "existing": False}
    ended(shared, graph)
    answer = shared("logs", f"{graph}/a").json
    assert (answer["ref"], answer["choice"], answer["note"]) == (ref, "approve", "go \x1b[2J")
    story = {line["kind"]: line["message"] for line in shared("why", f"{graph}/a", "--json").json["story"]}
    assert story["decision_answered"] == "approve: go \x1b[2J"
    assert "\x1b" not in shared("why", f"{graph}/a").out


def test_twice(shared):
    graph = submit(shared, task("a", approve=True))
    ref = open_decision(shared, graph)["ref"]
    assert shared("decide", ref, "reject").out == f"{ref}  {graph}/a  reject\n"
    assert shared("decide", ref, "reject", "--json").json["existing"] is True
    assert "answered so before" in shared("decide", ref, "reject").out
    refused = shared("decide", ref, "approve", "--json", code=4).error
    assert refused["code"] == "ANSWERED"
    assert "reject" in refused["message"]
    ended(shared, graph, "cancelled")


def test_wrong(shared):
    graph = submit(shared, task("a", approve=True))
    ref = open_decision(shared, graph)["ref"]
    refused = shared("decide", ref, "maybe", "--json", code=4).error
    assert refused["code"] == "NOT_ALLOWED"
    assert "approve, reject" in refused["hint"]
    assert shared("decide", "d999", "yes", "--json", code=4).error["code"] == "UNKNOWN_DECISION"
    assert shared("decide", ref, code=2).err
    assert states(shared, graph) == {"a": "blocked"}
    shared("cancel", graph)
    assert shared("decide", ref, "approve", "--json", code=4).error["code"] == "NOT_ALLOWED"


def test_a_failure_is_tried_again(shared, tmp_path):
    mark = tmp_path / "mark"
    graph = submit(shared, task("a", f"test -e {mark}", on_fail="ask"))
    ref = open_decision(shared, graph)["ref"]
    mark.touch()
    shared("decide", ref, "retry")
    ended(shared, graph)


def test_a_deadline_takes_the_default(cli):
    graph = submit(
        cli,
        task("soon", approve=True, ask={"deadline": 0.2}),
        task("accepted", "exit 3", on_fail="ask", ask={"deadline": 0.2, "default": "accept"}),
    )
    ended(cli, graph, "cancelled")
    assert states(cli, graph) == {"soon": "cancelled", "accepted": "done"}
    assert {each["by"] for each in cli("decisions", graph, "--all", "--json").json} == {"deadline"}


def test_a_decision_and_its_deadline_survive_a_dead_daemon(cli):
    graph = submit(
        cli, task("kept", approve=True, ask={"deadline": "1h"}), task("due", approve=True, ask={"deadline": "2s"})
    )
    before = open_decision(cli, graph, "kept")
    cli.kill_daemon()
    cli("up")
    until(cli, graph, due="cancelled")
    assert open_decision(cli, graph, "kept") == before
    cli("decide", before["ref"], "approve")
    ended(cli, graph, "cancelled")
    assert states(cli, graph)["kept"] == "done"
    assert os.path.isdir(cli.home)
