"""Both programs at work: tool calls, turns, costs; sessions that are gone on with; verdicts in a judge's own words."""

import json
import sys

import pytest
from agent_stage import Stage, task_of


def verdict(outcome, status, evidence, feedback=""):
    """A judge's words, in the form that is asked of it."""
    return {
        "nonce": "{{nonce}}",
        "verdict": outcome,
        "criteria": [{"id": "c1", "status": status, "evidence": evidence}],
        "feedback": feedback,
    }


FIRST, SECOND = verdict("fail", "unmet", "it says nothing", "say it"), verdict("pass", "met", "it says so")
IN_WORDS = "So:\n```json\n%s\n```"


#: Gets away from its shell, its group and its session.
LEAVE = "setsid sleep 300 < /dev/null > /dev/null 2>&1 & echo left"

#: An MCP server with no tools, which does not go when nobody speaks to it any more, nor when it is asked to.
SERVER = """
import json, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").close()
for line in sys.stdin:
    asked = json.loads(line)
    info = {"protocolVersion": asked.get("params", {}).get("protocolVersion"), "capabilities": {"tools": {}}}
    answer = {**info, "serverInfo": {"name": "x", "version": "1"}} if asked["method"] == "initialize" else {"tools": []}
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": answer}), flush=True)
time.sleep(300)
"""

SCRIPTS = {
    "write": [
        {
            "say": "I write it.",
            "call": "Write",
            "input": {"file_path": "{{dir}}/hello.txt", "content": "hello\n"},
            "tokens": [100, 10],
        },
        {"say": "It is written.", "tokens": [200, 20]},
    ],
    "more": [
        {
            "say": "I write, too.",
            "call": "write",
            "input": {"filePath": "{{dir}}/more.txt", "content": "more\n"},
            "tokens": [30, 5],
        },
        {"say": "More is written.", "tokens": [40, 6]},
    ],
    "c-on": [{"say": "I know."}],
    "o-on": [{"say": "I know, too."}],
    "c-leaves": [{"call": "Bash", "input": {"command": LEAVE}}, {"say": "It runs."}],
    "o-leaves": [{"call": "bash", "input": {"command": LEAVE, "description": "leaves"}}, {"say": "It runs."}],
    "c-again": [
        {"say": "Done."},
        {"call": "Bash", "input": {"command": "touch {{dir}}/c-again"}},
        {"say": "Now it is."},
    ],
    "o-again": [
        {"say": "Done."},
        {"call": "bash", "input": {"command": "touch {{dir}}/o-again", "description": "makes it"}},
        {"say": "Now it is."},
    ],
    "c-judge": [{"call": "StructuredOutput", "input": FIRST}, {"call": "StructuredOutput", "input": SECOND}],
    "o-judge": [{"say": IN_WORDS % json.dumps(FIRST)}, {"say": IN_WORDS % json.dumps(SECOND)}],
    "c-rubbish": [{"say": "PASS, surely"}],
    "o-rubbish": [{"say": "PASS, surely"}],
}


def tasks(here):
    mark = f"[dir:{here.work}]"
    yield {"id": "write", "worker": "claude", "prompt": f"[script:write] {mark}", "permission_mode": "acceptEdits"}
    yield {"id": "test", "command": "grep -q hello hello.txt", "depends_on": ["write"]}
    yield {"id": "more", "worker": "opencode", "prompt": f"[script:more] {mark}", "depends_on": ["write", "test"]}
    for worker, name, before in (("claude", "c-on", "write"), ("opencode", "o-on", "more")):
        yield {"id": name, "worker": worker, "prompt": f"[script:{name}]", "depends_on": [before], "session": before}
    server = {"command": sys.executable, "args": ["-c", SERVER, f"{here.work}/server-was-there"]}
    servers = {"mcp_config": {"mcpServers": {"x": server}}, "allowed_tools": ["Bash"]}
    yield {"id": "c-leaves", "worker": "claude", "prompt": "[script:c-leaves]", **servers}
    yield {"id": "o-leaves", "worker": "opencode", "prompt": "[script:o-leaves]"}
    for worker, name in (("claude", "c-again"), ("opencode", "o-again")):
        again = {"retry": {"attempts": 2}, "validate": {"command": f"test -f {name} || {{ echo no file; exit 1; }}"}}
        tools = {"allowed_tools": ["Bash"]} if worker == "claude" else {}
        yield {"id": name, "worker": worker, "prompt": f"[script:{name}] {mark}", **again, **tools}
        for what, attempts in (("judge", 2), ("rubbish", 1)):
            script = f"{name[0]}-{what}"
            judge = {"worker": worker, "criteria": ["it is said"], "prompt": f"[script:{script}]", "attempts": 1}
            yield {"id": script, "command": "echo said", "retry": {"attempts": attempts}, "judge": judge}


@pytest.fixture(scope="module")
def seen():
    """The stage, and the graph when it is over; what judges cannot settle is accepted."""
    here = Stage(SCRIPTS)
    try:
        graph = here.submit(*tasks(here))
        for name in ("c-rubbish", "o-rubbish"):
            ref = here.until(lambda name=name: task_of(here.orders.graph(graph), name).decision, name)
            assert here.orders.decision(ref).kind == "judge"
            here.orders.decide(ref, "fail")
        yield here, here.end(graph)
    finally:
        here.close()


def test_a_graph_of_both(seen):
    here, view = seen
    claude, opencode = (task_of(view, name).attempts[0] for name in ("write", "more"))
    assert [task_of(view, name).state for name in ("write", "test", "more")] == ["done"] * 3
    assert (claude.usage.turns, claude.usage.input_tokens, claude.usage.output_tokens) == (2, 300, 30)
    assert claude.usage.cost_usd > 0
    assert (opencode.usage.turns, opencode.usage.input_tokens, opencode.usage.output_tokens) == (2, 70, 11)
    assert opencode.usage.cost_usd == pytest.approx((70 + 2 * 11) / 1e6)
    assert here.result(view, "write") == {"text": "It is written."}
    lines = here.log(view, "write").splitlines()
    assert lines[:3] == ["I write it.", f"→ Write {here.work}/hello.txt", "It is written."]
    assert here.log(view, "more").splitlines()[2] == "More is written."
    (prompt, _), *_ = here.api.scripts.of("more")
    assert "summary, in its own words: It is written." in prompt


@pytest.mark.parametrize(("name", "before", "said"), [("c-on", "write", "It is"), ("o-on", "more", "More is written.")])
def test_a_task_goes_on_with_the_session_of_another(seen, name, before, said):
    here, view = seen
    assert task_of(view, name).attempts[0].session
    ((_, body),) = here.api.scripts.of(name)
    assert said in str(body["messages"])


@pytest.mark.parametrize("name", ["c-leaves", "o-leaves"])
def test_what_it_starts_in_the_background_goes_with_it(seen, name):
    here, view = seen
    assert task_of(view, name).state == "done"
    assert "left" in str(here.api.scripts.of(name)[1][1]["messages"])
    if name == "c-leaves":
        assert "server-was-there" in {path.name for path in here.files()}
    assert here.attempt_processes(view.id, name) == {}


@pytest.mark.parametrize("name", ["c-again", "o-again"])
def test_a_retry_goes_on_with_its_session_and_hears_why(seen, name):
    here, view = seen
    task = task_of(view, name)
    first, second = task.attempts
    assert (task.state, first.class_, second.class_) == ("done", "validation", None)
    assert first.session == second.session != ""
    said = [str(body["messages"]) for _, body in here.api.scripts.of(name)]
    assert "Attempt 1 failed (validation)" not in said[0]
    assert "Attempt 1 failed (validation)" in said[1]
    assert "no file" in said[1]  # what its validation printed
    assert "Done." in said[1]  # its session: what it said itself


@pytest.mark.parametrize("name", ["c-judge", "o-judge"])
def test_a_judge_in_its_own_form(seen, name):
    _, view = seen
    task = task_of(view, name)
    assert [attempt.verdict["outcome"] for attempt in task.attempts] == ["fail", "pass"]
    assert task.attempts[0].verdict["feedback"].startswith("say it")
    assert task.state == "done"
    assert all(task_of(view, f"{name}#judge-{number}").attempts[0].usage.turns for number in (1, 2))


@pytest.mark.parametrize("name", ["c-rubbish", "o-rubbish"])
def test_rubbish_is_no_verdict(seen, name):
    _, view = seen
    task = task_of(view, name)
    assert (task.state, task.attempts[0].verdict["outcome"]) == ("failed", "error"), task
