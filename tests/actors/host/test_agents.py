"""Agents' attempts: the driver between the shim and a program; small programs of the test stand for the agents'."""

import json
import os
import re
import signal
import stat
import sys
from pathlib import Path

import msgspec
import pytest
from daemon_harness import alive
from host_harness import eventually, signal_other_thread

from orch_actors.protocol.hostwire import StartAttempt
from orch_actors.protocol.settings import load_settings

#: A program that prints what it is told to, as claude would: a Python file named `claude`.
PROGRAM = """#!{python}
import json, os, signal, subprocess, sys, time
if "--version" in sys.argv:
    print({version!r}); sys.exit(0)
prompt = sys.stdin.read()
def say(**said): print(json.dumps(said), flush=True)
def result(text="done", **more):
    usage = {{"input_tokens": 5, "output_tokens": 2}}
    said = {{"subtype": "success", "is_error": False, "session_id": "s1", "num_turns": 1, "total_cost_usd": 0.5}}
    say(type="result", result=text, usage=usage, **{{**said, **more}})
{body}
"""


@pytest.fixture
def agent(supervisor):
    """Makes the program, and a launch of a task for it."""

    def make(body, *, kind="claude", version="1.2.3", prompt="do it", work=None, **changes):
        path = supervisor.folder / kind
        path.write_text(PROGRAM.format(python=sys.executable, body=body, version=version))
        path.chmod(0o700)
        settings = {"program": str(path), **changes.pop("settings", {})}
        return supervisor.launch({"prompt": prompt, **(work or {})}, kind=kind, settings=settings, **changes)

    return make


def report(supervisor, launch):
    return json.loads(supervisor.file(launch, ".agent").read_text())


def test_a_run_from_prompt_to_result(supervisor, agent):
    launch = agent(
        'say(type="assistant", message={"content": [{"type": "text", "text": "I do: " + prompt}]})\nresult("All done.")'
    )
    ended = supervisor.start_host("claude").run(launch)
    assert (ended.exit_code, ended.cls, ended.session) == (0, "", "s1")
    assert (ended.usage.turns, ended.usage.cost_usd, ended.usage.input_tokens) == (1, 0.5, 5)
    assert supervisor.out(launch) == "I do: do it\n— done (1 turns, $0.5000, 5 tokens in, 2 out)\n"
    assert json.loads(supervisor.file(launch, ".result").read_text()) == {"text": "All done."}
    assert supervisor.file(launch, ".summary").read_text() == "All done."
    assert stat.S_IMODE(os.stat(supervisor.file(launch, ".job")).st_mode) == 0o600


def test_what_it_writes_itself_comes_first(supervisor, agent):
    launch = agent('open(os.environ["ORCH_RESULT"], "w").write("[1]")\nresult()')
    supervisor.start_host("claude").run(launch)
    assert supervisor.file(launch, ".result").read_text() == "[1]"


ARGUMENTS = 'result(json.dumps([sys.argv[1:], prompt, os.environ.get("OPENCODE_CONFIG_CONTENT")]))'


def seen(supervisor, launch):
    arguments, prompt, config = json.loads(json.loads(supervisor.file(launch, ".result").read_text())["text"])
    return arguments, prompt, config and json.loads(config)


def test_every_option_reaches_claude(supervisor, agent):
    work = {
        "model": "haiku",
        "system_prompt": "Be brief.",
        "allowed_tools": ["Read", "Bash(git *)"],
        "disallowed_tools": ["Write"],
        "permission_mode": "acceptEdits",
        "max_turns": 3,
        "budget_usd": 0.25,
        "mcp_config": {"mcpServers": {}},
        "extra_args": ["--effort", "low"],
    }
    launch = agent(ARGUMENTS, work=work, session="11111111-1111-4111-8111-111111111111", context="before")
    supervisor.start_host("claude").run(launch)
    arguments, prompt, _ = seen(supervisor, launch)
    assert arguments == [
        "-p", "--output-format", "stream-json", "--verbose", "--session-id", "11111111-1111-4111-8111-111111111111",
        "--model", "haiku", "--append-system-prompt", "Be brief.", "--permission-mode", "acceptEdits",
        "--max-turns", "3", "--max-budget-usd", "0.25", "--strict-mcp-config", "--mcp-config", '{"mcpServers": {}}',
        "--allowedTools", "Read", "Bash(git *)", "--disallowedTools", "Write", "--effort", "low",
    ]  # fmt: skip
    assert prompt.startswith("do it\n\n")
    assert prompt.endswith("before")


def test_a_retry_goes_on_with_its_session(supervisor, agent):
    launch = agent(ARGUMENTS, session="s0", resume=True, feedback="Attempt 1 failed (validation): no tests")
    supervisor.start_host("claude").run(launch)
    arguments, prompt, _ = seen(supervisor, launch)
    assert arguments[4:6] == ["--resume", "s0"]
    assert prompt.startswith("Attempt 1 failed (validation): no tests\n\nGo on")
    assert supervisor.file(launch, ".feedback").read_text() == "Attempt 1 failed (validation): no tests"


def test_a_session_that_is_gone_is_begun_afresh(supervisor, agent):
    body = (
        'if "--resume" in sys.argv:\n    sys.stderr.write("No conversation found with session ID: s0"); sys.exit(1)\n'
        + ARGUMENTS
    )
    launch = agent(body, session="s0", resume=True, feedback="Attempt 1 failed: x")
    ended = supervisor.start_host("claude").run(launch)
    assert ended.exit_code == 0
    arguments, prompt, _ = seen(supervisor, launch)
    assert "--resume" not in arguments
    assert prompt == "do it\n\nThis has been tried before. Attempt 1 failed: x"


def test_a_prompt_from_a_file(supervisor, agent):
    (supervisor.cwd / "prompt.md").write_text("from the file")
    launch = agent(ARGUMENTS, prompt=None, work={"prompt_file": "prompt.md"})
    host = supervisor.start_host("claude")
    host.run(launch)
    assert seen(supervisor, launch)[1] == "from the file"
    ended = host.run(agent(ARGUMENTS, prompt=None, work={"prompt_file": "none.md"}))
    assert (ended.ending, "none.md cannot be read" in ended.message) == ("spawn", True)


def test_a_program_that_is_missing_says_how_to_have_it(supervisor):
    launch = supervisor.launch({"prompt": "x"}, kind="claude", env={"PATH": "/nowhere"})
    ended = supervisor.start_host("claude").run(launch)
    assert ended.ending == "spawn"
    assert "npm install -g @anthropic-ai/claude-code" in ended.message


LIMITED = {"status": "rejected", "resetsAt": 1.8e9}


@pytest.mark.parametrize(
    ("body", "code", "cls"),
    [
        (f'say(type="rate_limit_event", rate_limit_info={LIMITED}); sys.exit(1)', 1, "quota"),
        ("sys.exit(3)", 3, "crash"),
        ('result("")', 1, "stalled"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", 139, "crash"),
        ('say(type="result", subtype="error_max_turns", is_error=True, errors=["too many"]); sys.exit(1)', 1, "budget"),
    ],
)
def test_failures_have_their_class(supervisor, agent, body, code, cls):
    ended = supervisor.start_host("claude").run(agent(body))
    assert (ended.ending, ended.exit_code, ended.cls) == ("exit", code, cls), ended
    assert (ended.reset_utc == 1.8e9) == (cls == "quota")
    assert not supervisor.file(launch_of(supervisor), ".result").exists()


def launch_of(supervisor):
    return supervisor.launches[-1]


def test_one_that_lives_on_after_its_last_word(supervisor, agent):
    launch = agent('result()\nsubprocess.Popen(["sleep", "300"])\ntime.sleep(300)', settings={"after_result": 0.2})
    ended = supervisor.start_host("claude").run(launch)
    assert (ended.exit_code, ended.cls) == (0, "")
    assert supervisor.processes() == []


def test_one_that_falls_silent(supervisor, agent):
    ended = supervisor.start_host("claude").run(agent("time.sleep(300)", settings={"silence": 0.3}))
    assert (ended.cls, "said nothing for" in ended.message) == ("stalled", True)
    assert supervisor.processes() == []


def test_one_without_hope_is_not_waited_for(supervisor, agent):
    body = 'say(type="system", subtype="api_retry", error_status=401, error="authentication_failed")\ntime.sleep(300)'
    ended = supervisor.start_host("claude").run(agent(body))
    assert ended.cls == "auth"


def test_what_it_leaves_in_the_background_goes(supervisor, agent):
    body = 'subprocess.Popen(["sleep", "300"], start_new_session=True)\nresult()'
    ended = supervisor.start_host("claude").run(agent(body))
    assert ended.exit_code == 0
    assert supervisor.processes() == []


def test_a_stop_reaches_the_program(supervisor, agent):
    mark = supervisor.cwd / "saved"
    save = f"lambda *_: (open({str(mark)!r}, 'w').close(), sys.exit(143))"
    body = f"signal.signal(signal.SIGTERM, {save})\nprint('up', flush=True)\ntime.sleep(300)"
    launch = agent(body)
    host = supervisor.start_host("claude")
    host.send(StartAttempt(launch=launch))
    eventually(
        lambda: "up" in supervisor.out(launch) if supervisor.file(launch, ".out").exists() else False, "it is up"
    )
    ended = host.stop(launch)
    assert (ended.ending, mark.exists()) == ("killed", True)
    assert supervisor.processes() == []


@pytest.mark.skipif(sys.platform != "linux", reason="signals to one thread are Linux's")
def test_a_stop_that_the_drivers_main_thread_does_not_see_reaches_the_program(supervisor, agent):
    body = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\nopen('up', 'w').close()\ntime.sleep(300)"
    launch = agent(body)
    host = supervisor.start_host("claude")
    host.send(StartAttempt(launch=launch))
    eventually((supervisor.cwd / "up").exists)
    (driver,) = [pid for pid in supervisor.processes() if of_driver(command_line(pid))]
    signal_other_thread(driver, signal.SIGTERM)
    assert host.ended(launch.attempt).exit_code == 7


def of_driver(words):
    """Not its shim's, which has them, too."""
    return "python" in words[0] and "orch_actors.actors.host.agents" in words


def command_line(pid):
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def test_the_driver_and_its_host_may_die(supervisor, agent):
    launch = agent("while not os.path.exists('go'): time.sleep(0.01)\nresult()")
    first = supervisor.start_host("claude")
    first.send(StartAttempt(launch=launch))
    supervisor.pid(launch)
    first.kill()
    second = supervisor.start_host("claude")
    second.adopt(launch)
    second.adopted(launch.attempt)
    (supervisor.cwd / "go").touch()
    ended = second.ended(launch.attempt)
    assert (ended.exit_code, ended.cls, ended.session) == (0, "", "s1")


def test_a_driver_that_is_killed_leaves_a_crash_and_no_process(supervisor, agent):
    launch = agent("print('driver', os.getppid(), flush=True)\ntime.sleep(300)")
    host = supervisor.start_host("claude")
    host.send(StartAttempt(launch=launch))
    out = supervisor.file(launch, ".out")
    driver = int(
        eventually(lambda: out.exists() and out.read_text().partition("driver ")[2].strip(), "its driver's pid")
    )
    os.kill(driver, signal.SIGKILL)
    ended = host.ended(launch.attempt)
    assert (ended.exit_code, ended.cls) == (137, "crash")
    assert not alive(driver)
    assert supervisor.processes() == []


def test_one_that_waits_for_its_quota_without_a_word(supervisor, agent):
    said = 'level=ERROR run=1 message="stream error" small=false error.error="AI_APICallError: Rate limit reached"'
    launch = agent(f"sys.stderr.write({said + chr(10)!r})\ntime.sleep(300)", kind="opencode", settings={"silence": 0.5})
    ended = supervisor.start_host("opencode").run(launch)
    assert (ended.cls, ended.message) == ("quota", "Rate limit reached")
    assert supervisor.processes() == []


OPENCODE = """
def step(kind, **part): say(type=kind, sessionID="ses_1", part=part)
step("step_start")
step("text", text={text})
step("step_finish", reason="stop", cost={cost}, tokens={{"input": 1, "output": 1}})
"""


def test_opencode_gets_its_configuration(supervisor, agent):
    body = OPENCODE.format(text='json.dumps([sys.argv[1:], prompt, os.environ["OPENCODE_CONFIG_CONTENT"]])', cost=0.0)
    work = {"model": "p/m", "permission": {"bash": "deny"}, "system_prompt": "Be brief.", "agent": "plan"}
    given = {"OPENCODE_CONFIG_CONTENT": '{"provider": {"p": {}}, "permission": {"edit": "allow"}}'}
    launch = agent(body, kind="opencode", work=work, env=given)
    ended = supervisor.start_host("opencode").run(launch)
    assert (ended.exit_code, ended.session) == (0, "ses_1")
    arguments, prompt, config = seen(supervisor, launch)
    assert arguments == [
        "run",
        "--format",
        "json",
        "--print-logs",
        "--log-level",
        "ERROR",
        "-m",
        "p/m",
        "--agent",
        "plan",
    ]
    assert prompt == "Be brief.\n\ndo it"
    permission = {"external_directory": "deny", "doom_loop": "deny", "edit": "allow", "bash": "deny"}
    assert config == {"provider": {"p": {}}, "permission": permission, "autoupdate": False}


TRIPS = """
seen = len(os.listdir("trips")) if os.path.isdir("trips") else 0
if seen < {times}:
    os.makedirs(f"trips/{{seen}}")
    sys.stderr.write("Error: Unexpected error\\n\\nFailed query: \\nCREATE TABLE `workspace` (\\n"); sys.exit(1)
""".strip()


def test_one_that_trips_over_anothers_first_start_is_tried_again(supervisor, agent):
    body = TRIPS.format(times=1) + OPENCODE.format(text=repr("Done."), cost=0.0)
    launch = agent(body, kind="opencode")
    ended = supervisor.start_host("opencode").run(launch)
    assert (ended.exit_code, ended.cls) == (0, "")
    assert "once more" in supervisor.out(launch)


def test_one_that_always_trips_has_crashed(supervisor, agent):
    ended = supervisor.start_host("opencode").run(agent(TRIPS.format(times=9), kind="opencode"))
    assert (ended.cls, "CREATE TABLE" in ended.message) == ("crash", True)
    assert len(list((supervisor.cwd / "trips").iterdir())) == 3


def test_an_opencode_of_a_later_version_is_refused(supervisor, agent):
    ended = supervisor.start_host("opencode").run(agent("result()", kind="opencode", version="2.0.1"))
    assert (ended.cls, "is of version 2.0.1" in ended.message) == ("spawn", True), ended


def test_bounds_that_the_program_does_not_know(supervisor, agent):
    body = OPENCODE.format(text='"x"', cost=2.0).replace('reason="stop"', 'reason="tool-calls"') + "\ntime.sleep(300)"
    host = supervisor.start_host("opencode")
    ended = host.run(agent(body, kind="opencode", work={"budget_usd": 1.0}))
    assert (ended.cls, ended.usage.cost_usd) == ("budget", 2.0)
    ended = host.run(agent(body, kind="opencode", work={"max_turns": 1}))
    assert (ended.cls, "its 1 turns" in ended.message) == ("budget", True)


def test_json_from_an_answer_in_words(supervisor, agent):
    schema = {"type": "object", "required": ["ok"]}
    host = supervisor.start_host("opencode")
    launch = agent(
        OPENCODE.format(text=repr('So:\n```json\n{"ok": true}\n```'), cost=0),
        kind="opencode",
        work={"json_schema": schema},
    )
    assert host.run(launch).exit_code == 0
    assert json.loads(supervisor.file(launch, ".result").read_text()) == {"ok": True}
    ended = host.run(agent(OPENCODE.format(text="'no'", cost=0), kind="opencode", work={"json_schema": schema}))
    assert (ended.cls, "no JSON" in ended.message) == ("result", True)


def test_a_program_that_only_the_configuration_knows(supervisor, agent):
    body = 'say(type="begun", id="th1"); say(type="msg", text=" ".join(sys.argv[1:]) + "|" + prompt)'
    settings = {
        "output": "jsonl", "text": "text[type=msg]", "session": "id", "stdin": "prompt", "model": "m1",
        "argv": [str(supervisor.folder / "agent"), "exec", ["--model", "{model}"], ["--turns", "{max_turns}"]],
        "resume_argv": [str(supervisor.folder / "agent"), "resume", "{session}"],
    }  # fmt: skip
    host = supervisor.start_host("codex")
    launch = agent(body, kind="agent", settings=settings)
    assert (host.run(launch).session, report(supervisor, launch)["text"]) == ("th1", "exec --model m1|do it")
    launch = agent(body, kind="agent", settings=settings, session="th1", resume=True)
    host.run(launch)
    assert report(supervisor, launch)["text"].startswith("resume th1|Go on")


def test_what_is_left_of_a_budget_bounds_claude(supervisor, agent):
    launch = agent(ARGUMENTS, work={"budget_usd": 3.0}, left_usd=1.25)
    supervisor.start_host("claude").run(launch)
    arguments, _, _ = seen(supervisor, launch)
    assert arguments[arguments.index("--max-budget-usd") + 1] == "1.25"


def test_a_program_that_cannot_be_told_is_ended_at_what_is_left(supervisor, agent):
    step = '{"cost": 0.5, "tokens": {"input": 60, "output": 50}, "reason": "tool-calls"}'
    launch = agent(f'say(type="step_finish", part={step})\ntime.sleep(60)', kind="opencode", left_tokens=100)
    ended = supervisor.start_host("opencode").run(launch)
    assert (ended.cls, ended.message) == ("budget", "it used 110 of the 100 tokens that were left")


# --- Codex and Gemini, as docs/agents.md describes them ------------------------------------------------------------

DESCRIBED = Path(__file__).parents[3] / "docs" / "agents.md"


def described(tmp_path, name):
    """The settings of a worker type, as they stand in the page."""
    blocks = re.findall(r"```toml\n(.*?)```", DESCRIBED.read_text(), re.DOTALL)
    (tmp_path / "config.toml").write_text("\n".join(blocks))
    settings = load_settings(str(tmp_path / "config.toml")).workers[name]
    return msgspec.to_builtins(settings)


@pytest.fixture
def run_described(supervisor, agent, tmp_path):
    """Runs a program of the test's own that is called as the page calls it, on the task's PATH."""

    def run(name, body, **changes):
        agent(body, kind=name)
        settings = described(tmp_path, name)
        env = {"PATH": f"{supervisor.folder}:{os.environ['PATH']}"}
        launch = supervisor.launch({"prompt": "do it"}, kind="agent", settings=settings, env=env, **changes)
        return launch, supervisor.start_host(name).run(launch)

    return run


CODEX = """
say(type="thread.started", thread_id="th-1")
say(type="turn.started")
say(type="item.completed", item={"id": "item_0", "type": "reasoning", "text": "hm"})
say(type="item.completed", item={"id": "item_1", "type": "agent_message", "text": json.dumps([sys.argv[1:], prompt])})
say(type="turn.completed", usage={"input_tokens": 1200, "cached_input_tokens": 200, "output_tokens": 345})
"""


def test_codex(supervisor, run_described):
    launch, ended = run_described("codex", CODEX)
    assert (ended.exit_code, ended.session) == (0, "th-1")
    assert (ended.usage.input_tokens, ended.usage.output_tokens) == (1200, 345)
    arguments, prompt = json.loads(json.loads(supervisor.file(launch, ".result").read_text())["text"])
    assert arguments == ["exec", "--json", "--skip-git-repo-check", "--sandbox", "workspace-write", "-"]
    assert prompt == "do it"


def test_codex_goes_on_with_its_session(supervisor, run_described):
    launch, _ = run_described("codex", CODEX, session="th-1", resume=True, feedback="It was wrong.")
    arguments, prompt = json.loads(json.loads(supervisor.file(launch, ".result").read_text())["text"])
    assert arguments == ["exec", "resume", "--json", "--skip-git-repo-check", "th-1", "-"]
    assert prompt.startswith("It was wrong.")


@pytest.mark.parametrize(
    ("said", "cls"),
    [
        ("You've hit your usage limit. Try again later.", "quota"),
        ("unexpected status 401 Unauthorized", "auth"),
        ("Your input exceeds the context window of this model", "context_overflow"),
        ("something else", "exit"),
    ],
)
def test_codex_fails_with_a_class(run_described, said, cls):
    _, ended = run_described("codex", f'say(type="turn.failed", error={{"message": {said!r}}})\nsys.exit(1)')
    assert (ended.exit_code, ended.cls) == (1, cls)
    assert said in ended.message


GEMINI = """
tokens = {"prompt": 100, "candidates": 7, "total": 107, "cached": 0}
models = {"pro": {"api": {}, "tokens": tokens}, "flash": {"api": {}, "tokens": {**tokens, "prompt": 11}}}
print(json.dumps({"response": json.dumps([sys.argv[1:], prompt]), "stats": {"models": models, "tools": {}}}, indent=2))
"""


def test_gemini(supervisor, run_described):
    launch, ended = run_described("gemini", GEMINI)
    assert (ended.exit_code, ended.session) == (0, "")
    assert (ended.usage.input_tokens, ended.usage.output_tokens) == (111, 14)
    arguments, prompt = json.loads(json.loads(supervisor.file(launch, ".result").read_text())["text"])
    assert arguments == ["--output-format", "json", "--approval-mode", "auto_edit"]
    assert prompt == "do it"


def test_gemini_fails_with_a_class(run_described):
    said = {"error": {"type": "ApiError", "message": "RESOURCE_EXHAUSTED: quota exceeded", "code": 429}}
    _, ended = run_described("gemini", f"print(json.dumps({said!r}, indent=2)); sys.exit(1)")
    assert (ended.exit_code, ended.cls) == (1, "quota")


@pytest.mark.parametrize(("name", "package"), [("codex", "@openai/codex"), ("gemini", "@google/gemini-cli")])
def test_one_that_is_missing_says_how_to_have_it(supervisor, tmp_path, name, package):
    settings, env = described(tmp_path, name), {"PATH": str(tmp_path)}
    launch = supervisor.launch({"prompt": "do it"}, kind="agent", settings=settings, env=env)
    ended = supervisor.start_host(name).run(launch)
    assert ended.ending == "spawn"
    assert f"install it: npm install -g {package}" in ended.message
