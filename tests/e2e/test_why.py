"""`why`."""

from .graphs import ended, open_decision, submit, task, until


def why(cli, target):
    return cli("why", target, "--json").json


def test_what_each_task_waits_for(shared):
    graph = submit(
        shared,
        task("long", "sleep 72"),
        task("after", "true", "long"),
        task("asked", "true", approve=True),
        task("again", "exit 1", retry={"attempts": 3, "backoff": "1h"}),
    )
    until(shared, graph, long="running", again="pending")
    running = why(shared, f"{graph}/long")
    assert set(running) == {"graph", "task", "state", "sentence", "reason", "story", "help", "cut"}
    assert (running["state"], running["reason"]["kind"]) == ("running", "running")
    after = why(shared, f"{graph}/after")
    assert (after["reason"]["kind"], after["reason"]["tasks"]) == ("dependency", ["long"])
    assert after["sentence"] == "waits for long"
    assert after["help"] == f"orch-actors why {graph}/long"
    asked = why(shared, f"{graph}/asked")
    ref = open_decision(shared, graph)["ref"]
    assert (asked["state"], asked["reason"]["kind"], asked["reason"]["ref"]) == ("blocked", "decision", ref)
    assert asked["help"] == f"orch-actors decide {ref} approve"
    again = why(shared, f"{graph}/again")
    assert again["reason"]["kind"] == "retry"
    assert (again["reason"]["attempt"], again["reason"]["of"]) == (2, 3)
    assert [line["kind"] for line in again["story"]] == [
        "task_ready", "attempt_starting", "attempt_ended", "retry_scheduled",
    ]  # fmt: skip
    text = shared("why", f"{graph}/again").out
    assert text.startswith(f"{graph}/again  · pending  waits until ")
    assert "  attempt_ended     exit code 1\n" in text
    assert f"try: orch-actors logs {graph}/again\n" in text
    shared("cancel", graph)


def test_an_end(shared):
    graph = submit(shared, task("bad", "exit 7"), task("after", "true", "bad"))
    ended(shared, graph, "failed")
    bad = why(shared, f"{graph}/bad")
    assert bad["story"][-1]["message"] == "failed: exit code 7"
    assert (bad["reason"], bad["sentence"]) == ({"kind": "failed", "class": "exit"}, "exit code 7")
    assert f"orch-actors retry {graph}/bad" in bad["help"]
    after = why(shared, f"{graph}/after")
    assert after["reason"]["kind"] == "skipped"
    assert after["help"] == f"orch-actors why {graph}/bad"


def test_the_help_names_the_home_where_one_was_named(shared):
    graph = submit(shared, task("bad", "exit 7"))
    ended(shared, graph, "failed")
    text = shared("why", graph, "--home", shared.home).out
    helps = text.splitlines()[-1]
    assert helps.count(f"--home {shared.home}") == helps.count("orch-actors")


def test_wrong(shared):
    graph = submit(shared, task("a"), task("b"))
    assert shared("why", f"{graph}/c", "--json", code=4).error["code"] == "UNKNOWN_TASK"
    assert shared("why", "g999/c", "--json", code=4).error["code"] == "UNKNOWN_GRAPH"
    assert "has 2 tasks" in shared("why", graph, code=2).err
