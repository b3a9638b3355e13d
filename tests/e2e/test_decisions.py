"""`decisions`."""

import re

from .graphs import ended, open_decision, submit, task, tasks

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
PROMISED = {"ref", "graph", "task", "question", "options", "default", "deadline_utc"}


def test_an_approval(shared):
    graph = submit(shared, task("deploy", approve=True, title="to prod", ask={"deadline": "1h"}))
    listed = shared("decisions", graph, "--json").json
    assert isinstance(listed, list)
    (decision,) = listed
    assert set(decision) >= PROMISED | {"kind", "evidence", "asked_utc", "choice"}
    assert (decision["graph"], decision["task"], decision["kind"]) == (graph, "deploy", "approve")
    assert decision["options"] == ["approve", "reject"]
    assert decision["default"] == "reject"
    assert RFC3339.fullmatch(decision["deadline_utc"])
    assert decision["choice"] is None
    text = shared("decisions").out
    assert f"{decision['ref']}  {graph}/deploy  approve  asked " in text
    assert f"answer: orch-actors decide {decision['ref']} approve|reject" in text
    blocked = tasks(shared, graph)["deploy"]
    assert blocked["decision"] == decision["ref"]
    assert decision["ref"] in shared("status", graph).out
    shared("cancel", graph)
    assert shared("decisions", graph, "--json").json == []


def test_the_evidence_of_a_failure(shared):
    graph = submit(
        shared, task("build", "printf 'no \\033[31mluck' >&2; exit 3", on_fail="ask", ask={"question": "And now?"})
    )
    decision = open_decision(shared, graph)
    assert decision["question"] == "And now?"
    assert decision["deadline_utc"] is None
    assert set(decision["options"]) == {"retry", "fail", "accept", "continue", "cancel_graph"}
    assert decision["evidence"]["exit_code"] == 3
    assert decision["evidence"]["class"] == "exit"
    assert "no \x1b[31mluck" in decision["evidence"]["tail"]
    text = shared("decisions", graph).out
    assert "  | no \\x1b[31mluck\n" in text
    assert "\x1b" not in text
    shared("decide", decision["ref"], "fail")
    ended(shared, graph, "failed")


def test_the_answered_ones_too(shared):
    graph = submit(shared, task("a", approve=True))
    ref = open_decision(shared, graph)["ref"]
    shared("decide", ref, "approve", "--note", "fine")
    ended(shared, graph)
    assert shared("decisions", graph, "--json").json == []
    assert shared("decisions", graph).out == "no open decisions\n"
    (answered,) = shared("decisions", graph, "--all", "--json").json
    assert (answered["ref"], answered["choice"], answered["note"]) == (ref, "approve", "fine")
    assert RFC3339.fullmatch(answered["answered_utc"])
    assert "answered approve: fine" in shared("decisions", graph, "--all").out


def test_wrong(shared):
    assert shared("decisions", "g999", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert "takes a graph, not a task" in shared("decisions", "g1/a", code=2).err
