"""The canary: graphs that use a secret in every way that there is; afterwards it is nowhere but where tasks put it."""

import json
import os
from pathlib import Path

import pytest

from .conftest import alive, eventually, say_go

CANARY = "canary-b4d50ac3e1"
#: What a task prints, and the files that it writes, are its own.
OWN = (".out", ".err", ".check", ".summary")

GRAPH = """
name: secrets
defaults:
  secrets: {TOKEN: {env: DAEMON_TOKEN}}
tasks:
  - id: works
    command: test "$TOKEN" = "$(cat token.own)"
    validate: {command: 'test "$TOKEN" = "$(cat token.own)"'}
  - id: fails
    command: echo "token $TOKEN" >&2; exit 3
    retry: {attempts: 2}
  - id: invalid
    command: echo "out $TOKEN"
    validate: {command: 'echo "check $TOKEN"; exit 1', pattern: never}
  - id: result
    command: printf '"%s"' "$TOKEN" > "$ORCH_RESULT"
  - id: summary
    command: echo "in short $TOKEN" > "$ORCH_SUMMARY"; echo "in full $TOKEN"
  - id: reads
    command: grep -qF 'in short ***' "$ORCH_CONTEXT"
    depends_on: summary
  - id: function
    worker: python
    script: |
      import os
      token = os.environ["TOKEN"]
      raise ValueError(token)
  - id: asks
    command: test -n "$ORCH_ANSWER" || echo "is $TOKEN right?" > "$ORCH_QUESTION"
  - id: evidence
    command: echo "token $TOKEN"; exit 4
    on_fail: ask
  - id: by-command
    secrets: {TOKEN: {command: 'cat token.own; exit 1'}, OTHER: {file: token.own}}
    command: echo never
  - id: lives-on
    secrets: {TOKEN: {file: token.own}}
    command: read line < go; echo "token $TOKEN"; exit 5
  - id: killed
    command: echo "token $TOKEN"; sleep 600
    timeout: 1s
    grace: 0.1s
"""

VERBS = (
    *(("status",), ("status", "secrets"), ("events", "--since", "0"), ("decisions",), ("actors",), ("config", "show")),
    *(("graph", "secrets"), ("timeline", "secrets"), ("version",)),
)
TASKS = (
    "works",
    "fails",
    "invalid",
    "result",
    "summary",
    "function",
    "asks",
    "evidence",
    "by-command",
    "lives-on",
    "killed",
)


def holding_it(folder):
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place) / name
            if path.is_file() and CANARY.encode() in path.read_bytes():
                found.append(str(path))
    return found


def said(cli):
    """All that every verb says of it."""
    found = []
    for words in (*VERBS, *(("why", f"secrets/{task}") for task in TASKS)):
        for form in ((), ("--json",)):
            ran = cli.attempt(*words, *form)
            found.append(ran.out + ran.err)
    for task, layer in (("summary", "1"), ("summary", "2"), ("summary", "3"), ("killed", "3")):
        found.append(cli("context", f"secrets/{task}", "--layer", layer).out)
    for task in TASKS:
        ran = cli.attempt("result", f"secrets/{task}", "--json")
        found.append(ran.out + ran.err)
    return "\n".join(found)


def test_the_canary(cli, tmp_path):
    (tmp_path / "graph.yaml").write_text(GRAPH)
    (tmp_path / "token.own").write_text(CANARY + "\n")
    os.mkfifo(tmp_path / "go")
    cli("up", DAEMON_TOKEN=CANARY, ORCH_ACTORS_LOG="DEBUG")
    cli("submit", str(tmp_path / "graph.yaml"), DAEMON_TOKEN="another-shells-own")
    running = "lives-on"

    def states():
        return {task["id"]: task["state"] for task in cli("status", "secrets", "--json").json["tasks"]}

    eventually(lambda: [task for task, state in states().items() if state in ("running", "ready")] == [running])
    pid = cli.kill_daemon()
    cli("up", DAEMON_TOKEN=CANARY, ORCH_ACTORS_LOG="DEBUG")
    assert not alive(pid)
    say_go(tmp_path / "go")
    eventually(lambda: states()[running] == "failed")
    while asked := cli("decisions", "--json").json:
        options = asked[0]["options"]
        cli("decide", asked[0]["ref"], "yes" if "yes" in options else "fail", "--note", "seen")
    eventually(lambda: cli.attempt("wait", "secrets", "--timeout", "5s").code != 124)

    view = {task["id"]: task for task in cli("status", "secrets", "--json").json["tasks"]}
    assert {task: found["class"] for task, found in view.items()} == {
        **dict.fromkeys(("fails", "function", "evidence", "lives-on"), "exit"),
        "works": None,
        "summary": None,
        "reads": None,
        "invalid": "validation",
        "result": "result",
        "asks": None,
        "by-command": "secret",
        "killed": "timeout",
    }
    assert len(view["fails"]["attempts"]) == 2
    evidence = cli("decisions", "--all", "--json").json
    assert [asked["evidence"].get("tail") for asked in evidence if asked["task"] == "evidence"] == ["token ***"]
    assert [asked["question"] for asked in evidence if asked["task"] == "asks"] == ["is *** right?"]
    assert "check ***" in view["invalid"]["reason"]
    assert "secret TOKEN" in view["by-command"]["reason"]
    cli("retry", "secrets/fails")
    eventually(lambda: states()["fails"] == "failed")

    told = said(cli)
    assert CANARY not in told
    assert "in full ***" in told
    assert [path for path in holding_it(cli.home) if not path.endswith((*OWN, ".result", ".question"))] == []
    assert CANARY in cli("logs", "secrets/fails").err  # what the task prints itself stays its own
    cli("down", "--kill")
    assert [path for path in holding_it(cli.home) if not path.endswith((*OWN, ".result", ".question"))] == []
    assert holding_it(os.environ["TMPDIR"]) == []


def test_a_value_in_the_document_is_refused_and_not_repeated(cli, write):
    path = write(f"name: n\ntasks: [{{id: a, command: 'true', secrets: {{TOKEN: {CANARY}}}}}]\n")
    ran = cli("submit", path, code=4)
    assert "never the value itself" in ran.err
    assert CANARY not in ran.err + cli("submit", path, "--json", code=4).out
    assert holding_it(cli.home) == []


@pytest.mark.parametrize("worker", ["shell", "python"])
def test_while_it_runs_no_file_holds_it(cli, tmp_path, worker):
    os.mkfifo(tmp_path / "go")
    work = {"command": "read line < go"} if worker == "shell" else {"worker": "python", "script": "open('go').read()\n"}
    task = {"id": "a", **work, "secrets": {"TOKEN": {"command": ["printf", "%s-%s", *CANARY.split("-")]}}}
    (tmp_path / "graph.json").write_text(json.dumps({"name": "runs", "tasks": [task]}))
    cli("submit", str(tmp_path / "graph.json"))
    view = eventually(lambda: cli("status", "runs", "--json").json["tasks"][0]["attempts"])
    record = view[0]["stdout"].removesuffix(".out") + ".jsonl"
    eventually(lambda: '"pid"' in Path(record).read_text())
    assert holding_it(cli.home) == []
    assert holding_it(os.environ["TMPDIR"]) == []
    assert CANARY not in said_of_processes(cli.home)
    say_go(tmp_path / "go")
    assert cli("wait", "runs", "--timeout", "20s").code == 0


def said_of_processes(home):
    """Arguments of all processes that know the home: everybody may read those."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.fsencode(home) in Path(f"/proc/{name}/environ").read_bytes():
                    found.append(Path(f"/proc/{name}/cmdline").read_bytes().decode(errors="replace"))
            except OSError:
                continue
    return "\n".join(found)


def test_a_daemon_started_by_an_agent_hands_nothing_on(cli):
    """Neither to tasks, nor to those that name no variable; asked for by name it comes."""
    agents = {
        "CLAUDECODE": CANARY,
        "CLAUDE_CODE_ENTRYPOINT": CANARY,
        "OPENCODE_SERVER": CANARY,
        "ANTHROPIC_API_KEY": CANARY,
        "OPENAI_API_KEY": CANARY,
        "AWS_SECRET_ACCESS_KEY": CANARY,
        "LC_ALL": "C.UTF-8",
    }
    cli("up", **agents)
    cli("run", "--", "env", **agents)
    assert CANARY not in cli("logs", "g1").out
    assert "LC_ALL=C.UTF-8" in cli("logs", "g1").out
    task = {"id": "a", "command": "env", "secrets": {"ANTHROPIC_API_KEY": {"env": "ANTHROPIC_API_KEY"}}}
    cli("run", "-", text=json.dumps({"name": "asks", "tasks": [task]}), **agents)
    lines = [line for line in cli("logs", "asks").out.splitlines() if CANARY in line]
    assert lines == [f"ANTHROPIC_API_KEY={CANARY}"]
    python = {"id": "a", "worker": "python", "script": "import os\nprint(dict(os.environ))\n"}
    cli("run", "-", text=json.dumps({"name": "python", "tasks": [python]}), **agents)
    assert CANARY not in cli("logs", "python").out
    validated = {"id": "a", "command": "true", "validate": {"command": "env; exit 1"}}
    cli("run", "-", code=1, text=json.dumps({"name": "validated", "tasks": [validated]}), **agents)
    assert [path for path in holding_it(cli.home) if not path.endswith(".out")] == []
