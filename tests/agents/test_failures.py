"""What goes wrong with the real programs, each with its class: one graph, all at once, each test looks at its task."""

import pytest
from agent_stage import Stage, task_of

#: Claude Code learns when its quota is filled up again by these, where it is logged in and holds no key.
LIMITED = {
    "status": 429,
    "kind": "rate_limit_error",
    "error": "This request would exceed your account's rate limit.",
    "headers": {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": 10,
        "anthropic-ratelimit-unified-representative-claim": "five_hour",
        "x-should-retry": "false",
    },
}
WRITE = {"file_path": "{{dir}}/never.txt", "content": "x"}
REFUSED_KEY = {"status": 401, "kind": "authentication_error", "error": "invalid key"}
FAILED = {"status": 400, "kind": "invalid_request_error", "error": "no such thing"}

SCRIPTS = {
    "c-error": [FAILED],
    "c-auth": [REFUSED_KEY],
    "c-long": [{"status": 400, "kind": "invalid_request_error", "error": "prompt is too long: 300000 tokens > 200000"}],
    "c-empty": [{"say": ""}],
    "c-refused": [{"call": "Write", "input": WRITE}, {"say": "I may not."}],
    "c-hang": [{"hang": True}],
    "c-turns": [{"call": "Bash", "input": {"command": "true"}}],
    "c-limited": [LIMITED, {"say": "There is more."}],
    "c-broken": [{"break": True, "say": "half"}],
    "c-dropped": [{"drop": True}, {"say": "Whole."}],
    "o-turns": [{"call": "bash", "input": {"command": "true", "description": "does nothing"}}],
    "o-error": [FAILED],
    "o-auth": [REFUSED_KEY],
    "o-empty": [{"say": ""}],
    "o-refused": [{"call": "write", "input": {"filePath": "{{dir}}/never.txt", "content": "x"}}, {"say": ""}],
    "o-hang": [{"hang": True}],
    "o-limited": [{"status": 429, "error": "Rate limit reached", "headers": {"retry-after": "3600"}}, {"say": "More."}],
}


def extra(programs, api):
    token = {"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": "x"}
    limited = programs.worker("limited", "claude", api, env=token)
    return limited + programs.worker("waiting", "opencode", api, silence="45s")


def tasks(stage):
    for name in SCRIPTS:
        worker = "claude" if name.startswith("c-") else "opencode"
        task = {"id": name, "worker": worker, "prompt": f"[script:{name}] [dir:{stage.work}]"}
        yield {**task, **CHANGES.get(name, {})}


CHANGES = {
    "c-hang": {"idle_timeout": "20s"},
    "o-hang": {"idle_timeout": "40s"},
    "c-turns": {"max_turns": 2, "allowed_tools": ["Bash"]},
    "o-turns": {"max_turns": 2},
    "c-limited": {"worker": "limited"},
    "o-limited": {"worker": "waiting"},
    "o-refused": {"permission": {"edit": "ask"}},
}


@pytest.fixture(scope="module")
def ended():
    """The stage and its graph, which goes on while the tests look at what is over."""
    stage = Stage(SCRIPTS, extra)
    try:
        graph = stage.submit(*tasks(stage))
        yield stage, graph
    finally:
        stage.close()


def over(ended, name):
    """A task, when it has ended."""
    stage, graph = ended
    stage.until(lambda: task_of(stage.orders.graph(graph), name).state in ("done", "failed"), name)
    return task_of(stage.orders.graph(graph), name)


@pytest.mark.parametrize(
    ("name", "cls", "says"),
    [
        ("c-error", "exit", "no such thing"),
        ("c-auth", "auth", "credentials"),
        ("c-long", "context_overflow", "too long"),
        ("c-empty", "stalled", "without an answer"),
        ("c-refused", "permission", "never.txt"),
        ("c-hang", "idle_timeout", "20"),
        ("c-turns", "budget", "2"),
        ("c-broken", "exit", "malformed"),
        ("o-turns", "budget", "its 2 turns"),
        ("o-error", "exit", "no such thing"),
        ("o-auth", "auth", "invalid key"),
        ("o-empty", "stalled", "without an answer"),
        ("o-refused", "permission", "never.txt"),
        ("o-hang", "idle_timeout", "40"),
    ],
)
def test_it_has_its_class(ended, name, cls, says):
    task = over(ended, name)
    (attempt,) = task.attempts
    assert (task.state, attempt.class_, says in attempt.message) == ("failed", cls, True), attempt


def test_a_connection_that_breaks_is_made_again_by_the_program(ended):
    task = over(ended, "c-dropped")
    assert (task.state, [attempt.class_ for attempt in task.attempts]) == ("done", [None]), task
    assert ended[0].orders.result(ended[1], "c-dropped").value == {"text": "Whole."}


def pauses(stage, worker):
    """What was told of pauses of a worker type, each with the time until which it lasts."""
    events = stage.orders.events(0, 10_000).events
    return [event for event in events if event.kind == "worker_paused" and event.data["worker"] == worker]


def test_a_quota_with_its_reset_waits_for_it_and_no_attempt_is_spent(ended):
    task = over(ended, "c-limited")
    first, second = task.attempts  # although `retry` allows one
    assert (task.state, first.class_, second.class_) == ("done", "quota", None)
    (pause,) = pauses(ended[0], "limited")
    assert "its quota is used up: You've hit your session limit" in pause.message
    assert first.ended_utc < pause.data["until_utc"] < second.started_utc
    assert second.session == first.session


def test_a_quota_that_its_log_alone_tells_of_waits_for_somebody(ended):
    stage, graph = ended
    stage.until(lambda: pauses(stage, "waiting"), "o-limited")
    why = stage.orders.why(graph, "o-limited")
    assert "the waiting worker is paused until" in why.sentence
    assert "its quota is used up: Rate limit reached" in why.sentence
    assert why.help == "orch-actors resume --worker waiting"
    stage.orders.resume(worker="waiting")
    assert over(ended, "o-limited").state == "done"
