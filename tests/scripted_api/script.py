"""Which turn answers a request: scripts by name, and what their texts are filled with. No sockets here."""

import json
import re
import threading

NAME = re.compile(r"\[script:([a-z0-9_-]+)\]")

#: What turns may repeat from the prompt: `{{NAME}}` is the value of `[NAME:value]` there, and the nonce of a judge.
MARK = re.compile(r"\[([a-z]+):([^\]]+)\]")
NONCE = re.compile(r'"nonce": "([0-9a-f]+)"')

#: What opencode gets that first asks for a title of its session, and how that is known.
TITLE = {"say": "A title"}
WANTS_TITLE = "You are a title generator"

#: What a prompt that names no script gets.
STRANGE = {"status": 400, "error": "the prompt names no script"}


class Scripts:
    """Scripts, and how far each has come. Any thread may ask.

    `routes` are for prompts that cannot be marked: a text that stands in them → the script; the first that fits.
    """

    def __init__(self, scripts, routes=None):
        self._scripts = scripts
        self._routes = routes or {}
        self._lock = threading.Condition()
        #: (script, number of its turn, prompt, body) of each request, in order.
        self.played = []

    def turn(self, body):
        """The turn for a request: (script, number of the request among its script's, turn)."""
        if any(text_of(message.get("content")).startswith(WANTS_TITLE) for message in body.get("messages", [])[:1]):
            return "", 0, TITLE
        script, prompt = self._addressed(body.get("messages", []))
        turns = self._scripts.get(script)
        with self._lock:
            number = sum(name == script for name, *_ in self.played)
            self.played.append((script, number, prompt, body))
            self._lock.notify_all()
        if not turns:
            return "", number, STRANGE
        return script, number, filled(turns[min(number, len(turns) - 1)], prompt)

    def _addressed(self, messages):
        """(script, prompt): what the user said last that says by which script; none: "" and all that they said."""
        said = [text_of(message.get("content")) for message in messages if message.get("role") == "user"]
        for text in reversed(said):
            names = NAME.findall(text)[-1:] or [script for part, script in self._routes.items() if part in text][:1]
            if names:
                return names[0], text
        return "", "\n".join(said)

    def of(self, script):
        """(prompt, body) of each request that this script answered."""
        with self._lock:
            return [(prompt, body) for name, _, prompt, body in self.played if name == script]

    def wait_for(self, script, requests, within_s):
        """Until so many requests came for a script."""
        with self._lock:
            came = self._lock.wait_for(lambda: sum(name == script for name, *_ in self.played) >= requests, within_s)
        assert came, f"{script}: not {requests} requests within {within_s} s"


def filled(turn, prompt):
    """A turn with what its texts repeat from the prompt."""
    text = json.dumps(turn)
    marks = {**dict(MARK.findall(prompt)), "nonce": next(reversed(NONCE.findall(prompt)), "")}
    for name, value in marks.items():
        text = text.replace(f"{{{{{name}}}}}", json.dumps(value)[1:-1])
    return json.loads(text)


def calls_of(turn):
    """The tool calls of a turn: (name, input) each."""
    one = [(turn["call"], turn.get("input", {}))] if "call" in turn else []
    return one + [(name, given) for name, given in turn.get("calls", [])]


def text_of(content):
    """The text of a message's content, whatever its form; results of tools are none."""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or [] if part.get("type") == "text")
