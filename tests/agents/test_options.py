"""Options of agents' tasks, each seen by what the real program then asks of the API, or does."""

import json
import os
import subprocess
import sys

import pytest
from agent_stage import Stage, task_of

#: An MCP server with one tool.
SERVER = """
import json, sys
tool = {"name": "look", "description": "looks", "inputSchema": {"type": "object", "properties": {}}}
for line in sys.stdin:
    asked = json.loads(line)
    info = {"protocolVersion": asked.get("params", {}).get("protocolVersion"), "capabilities": {"tools": {}}}
    answers = {
        "initialize": {**info, "serverInfo": {"name": "x", "version": "1"}},
        "tools/list": {"tools": [tool]},
        "tools/call": {"content": [{"type": "text", "text": "it has looked"}]},
    }
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": answers.get(asked["method"], {})}), flush=True)
"""

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
ASKS = """echo '{"question": "Which colour?", "options": ["red", "blue"]}' > $ORCH_QUESTION"""
COMMITS = "git add -A && git -c user.name=n -c user.email=e commit -qm made"

SCRIPTS = {
    "c-options": [
        {"calls": [["Bash", {"command": "pwd"}], ["mcp__x__look", {}], ["Read", {"file_path": "/etc/hostname"}]]},
        {"call": "StructuredOutput", "input": {"n": 7}},
        {"say": "Seven."},
    ],
    "o-options": [
        {"calls": [["x_look", {}], ["read", {"filePath": "{{dir}}/sub/inside"}]]},
        {"say": 'It is\n```json\n{"n": 8}\n```'},
    ],
    "c-spends": [{"call": "Bash", "input": {"command": "true"}, "tokens": [900000, 90]}, {"say": "A second turn."}],
    "o-spends": [
        {"call": "bash", "input": {"command": "true", "description": "x"}, "tokens": [900000, 90]},
        {"say": "2"},
    ],
    "c-asks": [{"call": "Bash", "input": {"command": ASKS}}, {"say": "I have asked."}, {"say": "Then so."}],
    "c-tree": [
        {"call": "Write", "input": {"file_path": "made.txt", "content": "made\n"}},
        {"call": "Bash", "input": {"command": COMMITS}},
        {"say": "Committed."},
    ],
}


def tasks(here):
    server = [sys.executable, "-c", SERVER]
    yield {
        "id": "c-options", "worker": "claude", "cwd": "sub", "prompt_file": "../c.txt", "model": "claude-opus-4-5",
        "system_prompt": "You love the number seven.", "json_schema": SCHEMA, "max_turns": 9, "budget_usd": 5,
        "allowed_tools": ["Bash(pwd)", "mcp__x__look"], "disallowed_tools": ["WebFetch"], "permission_mode": "default",
        "mcp_config": {"mcpServers": {"x": {"command": server[0], "args": server[1:]}}},
        "extra_args": ["--disallowedTools", "NotebookEdit"],
    }  # fmt: skip
    yield {
        "id": "o-options", "worker": "opencode", "cwd": "sub", "prompt_file": "../o.txt", "model": "test/n",
        "system_prompt": "You love the number eight.", "json_schema": SCHEMA, "max_turns": 9, "budget_usd": 5,
        "permission": {"bash": "deny"}, "agent": "plan", "mcp_config": {"x": {"type": "local", "command": server}},
        "extra_args": ["--title", "Eight"],
    }  # fmt: skip
    tools = {"allowed_tools": ["Bash"]}
    yield {"id": "c-spends", "worker": "claude", "prompt": "[script:c-spends]", "budget_usd": 0.001, **tools}
    yield {"id": "o-spends", "worker": "opencode", "prompt": "[script:o-spends]", "budget_usd": 0.001}
    yield {"id": "c-asks", "worker": "claude", "prompt": "[script:c-asks]", "allowed_tools": ["Bash"]}
    yield {
        "id": "c-tree", "worker": "claude", "cwd": "repository", "worktree": True, "permission_mode": "acceptEdits",
        "prompt": "[script:c-tree]", "allowed_tools": ["Bash"],
    }  # fmt: skip
    merge = "git merge -q ${tasks.c-tree.branch} && cat made.txt"
    yield {"id": "merge", "cwd": "repository", "command": merge, "depends_on": ["c-tree"]}


@pytest.fixture(scope="module")
def seen():
    here = Stage(SCRIPTS)
    try:
        os.mkdir(f"{here.work}/sub")
        for name, text in (("c.txt", "[script:c-options]"), ("o.txt", f"[script:o-options] [dir:{here.work}]")):
            with open(f"{here.work}/{name}", "w") as file:
                file.write(text)
        with open(f"{here.work}/sub/inside", "w") as file:
            file.write("what is inside")
        repository = f"{here.work}/repository"
        git = ["git", "-C", repository, "-c", "user.name=n", "-c", "user.email=e"]
        subprocess.run(["git", "init", "-q", repository], check=True)
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "1"], check=True)
        graph = here.submit(*tasks(here))
        ref = here.until(lambda: task_of(here.orders.graph(graph), "c-asks").decision, "it asks")
        here.orders.decide(ref, "blue", note="as the sky")
        yield here, here.end(graph)
    finally:
        here.close()


def asked(here, script, number):
    """The body of a request, as text, and the names of the tools that it offers."""
    _, body = here.api.scripts.of(script)[number]
    return json.dumps(body), {tool.get("name") or tool["function"]["name"] for tool in body["tools"]}


def test_claudes(seen):
    here, view = seen
    first, tools = asked(here, "c-options", 0)
    _, body = here.api.scripts.of("c-options")[0]
    assert body["model"] == "claude-opus-4-5"
    assert "You love the number seven." in json.dumps(body["system"])
    assert "[script:c-options]" in first
    assert {"mcp__x__look", "StructuredOutput", "Bash"} <= tools
    assert not {"WebFetch", "NotebookEdit"} & tools
    second, _ = asked(here, "c-options", 1)
    assert f"{here.work}/sub" in second  # what pwd said
    assert "it has looked" in second
    assert "haven't granted it" in second  # to read elsewhere: nothing allowed that
    assert here.result(view, "c-options") == {"n": 7}


def test_opencodes(seen):
    here, view = seen
    first, tools = asked(here, "o-options", 0)
    _, body = here.api.scripts.of("o-options")[0]
    assert body["model"] == "n"
    assert "You love the number eight." in first
    assert "x_look" in tools
    assert "bash" not in tools
    second, _ = asked(here, "o-options", 1)
    assert "it has looked" in second
    assert "what is inside" in second
    assert here.result(view, "o-options") == {"n": 8}
    assert "Plan mode ACTIVE" in first


@pytest.mark.parametrize("name", ["c-spends", "o-spends"])
def test_it_is_ended_when_it_has_spent_what_it_may(seen, name):
    here, view = seen
    task = task_of(view, name)
    assert (task.state, task.class_) == ("failed", "budget")
    assert len(here.api.scripts.of(name)) <= 2  # opencode may have begun to ask again


def test_an_answer_reaches_the_session_that_asked(seen):
    here, view = seen
    task = task_of(view, "c-asks")
    first, second = task.attempts
    assert (task.state, first.session == second.session != "") == ("done", True)
    last, _ = asked(here, "c-asks", 2)
    assert "To the question 'Which colour?' the answer is: blue (as the sky)" in last
    assert "I have asked." in last  # what it said itself before


def test_a_worktree_of_its_own(seen):
    here, view = seen
    task = task_of(view, "c-tree")
    assert task.branch in asked(here, "c-tree", 0)[0]
    assert os.path.exists(f"{task.worktree}/made.txt")
    assert here.log(view, "merge") == "made\n"
