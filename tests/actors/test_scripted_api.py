"""The scripted API itself: what it plays, how it fails, what it keeps. The agents' tests stand on it."""

import http.client
import json

import pytest
from scripted_api import ScriptedApi

SCRIPTS = {
    "a": [{"say": "Hi {{name}}", "call": "Write", "input": {"x": 1}, "tokens": [3, 4]}, {"say": "{{nonce}}"}],
    "limited": [{"status": 429, "headers": {"reset": 60, "retry-after": "60"}, "error": "slow down", "kind": "limit"}],
    "dropped": [{"drop": True}],
    "broken": [{"break": True, "say": "half"}],
}
PATHS = {"anthropic": "/v1/messages?beta=true", "openai": "/v1/chat/completions"}


@pytest.fixture
def api():
    with ScriptedApi(SCRIPTS, routes={"judge this": "a"}) as served:
        yield served


def ask(api, dialect, *messages):
    """(status, headers, body) of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", int(api.url.rpartition(":")[2]), timeout=20)
    try:
        body = {"model": "m", "stream": True, "messages": [{"role": role, "content": said} for role, said in messages]}
        connection.request("POST", PATHS[dialect], json.dumps(body))
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def events(text):
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]


def test_turns_in_order_and_the_last_again(api):
    marked = ("user", '[script:a] [name:you] with "nonce": "0af1"')
    _, _, first = ask(api, "anthropic", marked)
    kinds = [event["type"] for event in events(first)]
    assert (kinds[0], kinds[-1], kinds.count("content_block_start")) == ("message_start", "message_stop", 2)
    assert "Hi you" in first
    assert events(first)[-2]["delta"]["stop_reason"] == "tool_use"
    for _ in range(2):
        _, _, later = ask(api, "openai", ("user", [{"type": "text", "text": marked[1]}]))
        assert [event["choices"][0]["delta"].get("content") for event in events(later)][1] == "0af1"
    assert len(api.scripts.of("a")) == 3
    api.scripts.wait_for("a", 3, 0)


def test_who_is_meant_is_what_was_said_last(api):
    ask(api, "openai", ("user", "[script:limited]"), ("assistant", "[script:dropped]"), ("user", "judge this"))
    ask(api, "openai", ("user", "judge this [script:limited]"), ("user", "go on"))
    assert [name for name, *_ in api.scripts.played] == ["a", "limited"]
    assert ask(api, "openai", ("user", "nobody"))[0] == 400


def test_a_title_is_no_turn(api):
    ask(api, "openai", ("system", "You are a title generator. Nothing else."), ("user", "[script:a]"))
    assert api.scripts.played == []


def test_refusals(api):
    status, headers, text = ask(api, "anthropic", ("user", "[script:limited]"))
    assert (status, headers["retry-after"]) == (429, "60")
    assert int(headers["reset"]) > 1_700_000_000
    assert json.loads(text) == {"type": "error", "error": {"type": "limit", "message": "slow down"}}


def test_connections_that_break(api):
    with pytest.raises(http.client.RemoteDisconnected):
        ask(api, "anthropic", ("user", "[script:dropped]"))
    _, _, text = ask(api, "anthropic", ("user", "[script:broken]"))
    assert events(text)
    assert "message_stop" not in text
