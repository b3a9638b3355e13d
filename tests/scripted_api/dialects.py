"""The two streams, event by event: what a turn looks like in each API. Bytes in the order in which they are sent."""

import json

from .script import calls_of


def anthropic(turn, *, model, number):
    """Server-sent events of `/v1/messages`."""
    came, went = turn.get("tokens", [25, 15])
    usage = {"input_tokens": came, "output_tokens": 1}
    message = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": model, "content": []}
    yield _event("message_start", message={**message, "stop_reason": None, "stop_sequence": None, "usage": usage})
    index = 0
    for index, (block, delta) in enumerate(_blocks(turn, number)):
        yield _event("content_block_start", index=index, content_block=block)
        yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    stop = "tool_use" if calls_of(turn) else "end_turn"
    yield _event("message_delta", delta={"stop_reason": stop, "stop_sequence": None}, usage={"output_tokens": went})
    yield _event("message_stop")


def _event(kind, **said):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **said})}\n\n".encode()


def _blocks(turn, number):
    if turn.get("say"):
        yield {"type": "text", "text": ""}, {"type": "text_delta", "text": turn["say"]}
    for place, (name, given) in enumerate(calls_of(turn)):
        block = {"type": "tool_use", "id": f"toolu_{number}_{place}", "name": name, "input": {}}
        yield block, {"type": "input_json_delta", "partial_json": json.dumps(given)}


def openai(turn, *, model, number):
    """Server-sent events of `/v1/chat/completions`."""
    came, went = turn.get("tokens", [20, 7])

    def chunk(delta, finish=None, **more):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        head = {"id": f"c{number}", "object": "chat.completion.chunk", "created": 1, "model": model}
        return f"data: {json.dumps({**head, 'choices': [choice], **more})}\n\n".encode()

    yield chunk({"role": "assistant", "content": ""})
    if turn.get("say"):
        yield chunk({"content": turn["say"]})
    calls = calls_of(turn)
    for place, (name, given) in enumerate(calls):
        function = {"name": name, "arguments": json.dumps(given)}
        call = {"index": place, "id": f"call_{number}_{place}", "type": "function", "function": function}
        yield chunk({"tool_calls": [call]})
    usage = {"prompt_tokens": came, "completion_tokens": went, "total_tokens": came + went}
    yield chunk({}, "tool_calls" if calls else "stop", usage=usage)
    yield b"data: [DONE]\n\n"


def refusal(turn, *, anthropics):
    """The body of an answer that is none."""
    error = {"type": turn.get("kind", "api_error"), "message": turn.get("error", "no")}
    return json.dumps({"type": "error", "error": error} if anthropics else {"error": error}).encode()
