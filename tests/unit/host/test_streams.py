"""What agents' programs print, as it was seen, and what is made of it."""

import json

import pytest

from orch_actors.actors.host.agents.streams import stream_named

SESSION = "11111111-1111-4111-8111-111111111111"


def run(name, lines, code=0, stderr="", **options):
    stream = stream_named(name)(options)
    told = [text for line in lines for text in stream.take(line if isinstance(line, str) else json.dumps(line))]
    stream.close(code, stderr)
    return stream, told


# --- claude -----------------------------------------------------------------------------------------------------------


def assistant(*blocks, **more):
    return {"type": "assistant", "message": {"content": list(blocks)}, "session_id": SESSION, **more}


def text(words):
    return {"type": "text", "text": words}


def call(name, ident="t1", **given):
    return {"type": "tool_use", "id": ident, "name": name, "input": given}


def outcome(words, ident="t1", *, error=False):
    block = {"type": "tool_result", "tool_use_id": ident, "content": words, "is_error": error}
    return {"type": "user", "message": {"content": [block]}, "session_id": SESSION}


def result(**more):
    usage = {"input_tokens": 50, "cache_read_input_tokens": 7, "output_tokens": 30}
    whole = {"type": "result", "subtype": "success", "is_error": False, "result": "All done.", "num_turns": 2}
    return {**whole, "total_cost_usd": 0.001, "usage": usage, "session_id": SESSION, "permission_denials": [], **more}


DENIED = [{"tool_name": "Write", "tool_use_id": "t1", "tool_input": {"file_path": "/x"}}]
REFUSED = outcome("Claude requested permissions to write to /x, but you haven't granted it yet.", error=True)


def test_claude_succeeds():
    stream, told = run(
        "claude", [assistant(text("I write.")), assistant(call("Write", file_path="/x")), outcome("ok"), result()]
    )
    assert told == ["I write.", "→ Write /x"]
    report = stream.report
    assert (report.cls, report.text, report.session, stream.ended) == (None, "All done.", SESSION, True)
    assert (report.turns, report.cost_usd, report.input_tokens, report.output_tokens) == (2, 0.001, 57, 30)


def test_what_claude_answers_by_a_schema():
    stream, _ = run("claude", [result(result='{"ok":true}', structured_output={"ok": True})])
    assert (stream.report.cls, stream.answer()) == (None, {"ok": True})


LIMITED = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1_800_000_000}}


@pytest.mark.parametrize(
    ("lines", "code", "cls", "says"),
    [
        ([result(is_error=True, api_error_status=429, result="API Error: Request rejected (429)")], 1, "quota", "429"),
        ([LIMITED, result(is_error=True, result="You've hit your limit")], 1, "quota", "hit your limit"),
        ([result(is_error=True, api_error_status=529, result="API Error: 529 Overloaded")], 1, "exit", "Overloaded"),
        ([result(is_error=True, result="Invalid API key · Please run /login")], 1, "auth", "/login"),
        (
            [
                result(
                    is_error=True, api_error_status=400, terminal_reason="prompt_too_long", result="Prompt is too long"
                )
            ],
            1,
            "context_overflow",
            "too long",
        ),
        ([result(subtype="error_max_turns", is_error=True, errors=["Reached 3 turns"])], 1, "budget", "3 turns"),
        ([result(subtype="error_max_budget_usd", is_error=True, errors=["$1"])], 1, "budget", "$1"),
        ([result(subtype="error_during_execution", is_error=True, errors=["boom"])], 1, "exit", "boom"),
        ([result(result="")], 0, "stalled", "without an answer"),
        ([result(result="", permission_denials=DENIED)], 0, "permission", "Write /x"),
        ([assistant(call("Write", file_path="/x")), REFUSED, result(permission_denials=DENIED)], 0, "permission", "/x"),
        ([result()], 143, "exit", "143 after its result"),
        ([assistant(text("half"))], 143, "crash", "143 and without a result"),
        ([], 1, "crash", "exit code 1"),
        (["not JSON at all", "[1]", '"x"', "{}"], 0, "crash", "without a result"),
    ],
)
def test_claude_fails(lines, code, cls, says):
    stream, _ = run("claude", lines, code)
    assert (stream.report.cls, says in stream.report.message) == (cls, True), stream.report


def test_claude_is_told_when_there_is_more():
    stream, _ = run("claude", [LIMITED, result(is_error=True, result="limit")], 1)
    assert stream.report.reset_utc == 1_800_000_000
    allowed = {**LIMITED, "rate_limit_info": {"status": "allowed", "resetsAt": 1_800_000_000}}
    stream, told = run("claude", [allowed, result()])
    assert (stream.report.reset_utc, stream.report.cls, told) == (None, None, [])


def test_one_that_found_another_way_was_not_refused():
    again = [call("Bash", "t2", command="ls"), text("so")]
    stream, _ = run("claude", [REFUSED, assistant(*again), outcome("x", "t2"), result(permission_denials=DENIED)])
    assert (stream.report.cls, stream.report.refused) == (None, ["Write /x"])


def test_claude_with_bad_credentials_is_not_waited_for():
    retry = {"type": "system", "subtype": "api_retry", "error_status": 401, "error": "authentication_failed"}
    stream, told = run("claude", [retry], 143)
    assert (stream.report.cls, "authentication_failed" in stream.hopeless) == ("auth", True)
    assert told == ["  … the API failed (401: authentication_failed); it tries again"]
    stream, _ = run("claude", [{**retry, "error_status": 529, "error": "overloaded"}, result()])
    assert (stream.report.cls, stream.hopeless) == (None, "")


# --- opencode ---------------------------------------------------------------------------------------------------------


def step(kind, **part):
    return {"type": kind, "sessionID": "ses_1", "part": {"type": kind, **part}}


FINISH = {"cost": 0.000034, "tokens": {"input": 20, "output": 7, "cache": {"read": 3, "write": 0}}}
WROTE = step("tool_use", tool="write", state={"status": "completed", "title": "x.txt", "output": "ok"})
REJECTED = step(
    "tool_use",
    tool="write",
    state={
        "status": "error",
        "input": {"filePath": "/x/never.txt", "content": "x"},
        "error": "The user rejected permission to use this specific tool call.",
    },
)


def test_opencode_adds_up_its_steps():
    lines = [
        step("step_start"), step("text", text="Writing."), WROTE, step("step_finish", reason="tool-calls", **FINISH),
        step("step_start"), step("text", text="All "), step("text", text="done."),
        step("step_finish", reason="stop", **FINISH),
    ]  # fmt: skip
    stream, told = run("opencode", lines)
    report = stream.report
    assert told == ["Writing.", "→ write x.txt", "All", "done."]
    assert (report.cls, report.text, report.session, stream.ended) == (None, "All done.", "ses_1", True)
    assert (report.turns, report.cost_usd, report.input_tokens, report.output_tokens) == (2, 0.000068, 46, 14)


def failed(name, status=None, message="no"):
    return {
        "type": "error",
        "sessionID": "ses_1",
        "error": {"name": name, "data": {"message": message, "statusCode": status}},
    }


@pytest.mark.parametrize(
    ("lines", "code", "cls", "says"),
    [
        ([failed("APIError", 401, "bad key")], 1, "auth", "bad key"),
        ([failed("ProviderAuthError")], 1, "auth", "no"),
        ([failed("APIError", 429, "slow down")], 1, "quota", "slow down"),
        ([failed("UnknownError", None, "maximum context length is 8")], 1, "context_overflow", "8"),
        ([failed("UnknownError", None, "boom")], 0, "exit", "boom"),
        ([step("step_start"), step("step_finish", reason="stop", **FINISH)], 0, "stalled", "without an answer"),
        ([step("step_start"), step("text", text="W"), REJECTED], 0, "permission", "write /x/never.txt"),
        ([], 0, "stalled", "without an answer"),
        ([], 137, "crash", "137"),
        ([step("step_start"), step("step_finish", reason="tool-calls", **FINISH)], 1, "exit", "exit code 1"),
    ],
)  # fmt: skip
def test_opencode_fails(lines, code, cls, says):
    stream, _ = run("opencode", lines, code)
    assert (stream.report.cls, says in stream.report.message) == (cls, True), stream.report


LOGGED = (
    'timestamp=2026-11-26T00:30:47.040Z level=ERROR run=43673144 message="stream error" providerID=test modelID=m '
    'session.id=ses_1 small=false agent=build mode=primary error.error="AI_APICallError: {}"'
)


def test_opencode_waits_for_its_quota_in_silence():
    stream = stream_named("opencode")({})
    stream.complain('timestamp=… level=ERROR message="Failed to fetch models.dev" cause="quota"')
    stream.complain(LOGGED.format("Service unavailable"))
    assert stream.waiting is None
    stream.complain(LOGGED.format("Rate limit reached"))
    assert stream.waiting == ("quota", "Rate limit reached")
    stream.take(json.dumps(step("step_start")))  # there is more
    assert stream.waiting is None


def test_the_last_step_may_be_missing():
    stream, _ = run("opencode", [step("step_start"), step("text", text="All done.")])
    assert (stream.report.cls, stream.report.text) == (None, "All done.")


# --- any other --------------------------------------------------------------------------------------------------------

CODEX = {
    "output": "jsonl",
    "text": "item.text[item.type=agent_message]",
    "session": "thread_id",
    "input_tokens": "usage.input_tokens",
    "output_tokens": "usage.output_tokens",
    "error": "error.message",
    "done": "usage",
    "failures": {"quota": "usage limit"},
}


def test_a_program_by_configuration():
    lines = [
        {"type": "thread.started", "thread_id": "th1"},
        {"type": "item.completed", "item": {"type": "reasoning", "text": "hm"}},
        {"type": "item.completed", "item": {"type": "agent_message", "text": "Done."}},
        {"type": "turn.completed", "usage": {"input_tokens": 5, "output_tokens": 2}},
    ]
    stream, told = run("program", lines, **CODEX)
    report = stream.report
    assert (report.cls, report.text, report.session, stream.ended, told) == (None, "Done.", "th1", True, ["Done."])
    assert (report.input_tokens, report.output_tokens, report.cost_usd) == (5, 2, None)


def test_a_program_fails_by_its_words():
    stream, told = run("program", [{"error": {"message": "You've hit your usage limit."}}], 1, **CODEX)
    assert (stream.report.cls, told) == ("quota", ["  ✗ You've hit your usage limit."])
    stream, _ = run("program", [], 1, stderr="panicked", **CODEX)
    assert (stream.report.cls, stream.report.message) == ("exit", "it ended with exit code 1: panicked")
    stream, _ = run("program", [], 139, **CODEX)
    assert stream.report.cls == "crash"


def test_one_value_of_json_and_plain_text():
    options = {"output": "json", "text": "response", "input_tokens": "stats.models.0.tokens"}
    stream, told = run("program", ["{", ' "response": "Hi",', '"stats": {"models": [{"tokens": 4}]}}'], **options)
    assert (stream.report.text, stream.report.input_tokens, told) == ("Hi", 4, [])
    stream, _ = run("program", ["oops"], **options)
    assert (stream.report.cls, "no JSON" in stream.report.message) == ("exit", True)
    stream, told = run("program", ["a", "", "b"], output="text")
    assert (stream.report.cls, stream.report.text, told) == (None, "a\n\nb", ["a", "", "b"])


STRANGE = [
    "",
    "null",
    "[]",
    "3",
    '{"type": 5}',
    '{"type": "result", "usage": 3, "result": 4, "permission_denials": [1]}',
    '{"type": "tool_use", "part": {"state": 3}}',
    '{"type": "error", "error": 3}',
    '{"type": "assistant", "message": 3}',
    '{"type": "step_finish", "part": {"tokens": {"cache": 3, "input": "x"}, "cost": "x"}}',
    "{" * 500,
]


@pytest.mark.parametrize("name", ["claude", "opencode", "program"])
@pytest.mark.parametrize("line", STRANGE)
def test_whatever_comes_is_survived(name, line):
    stream, _ = run(name, [line], 1, output="jsonl", text="type.x.y")
    assert stream.report.cls is not None
