"""Which turn answers a request: scripts by name, and what their texts are filled with. No sockets here."""

import json
import re
import threading

NAME = re.compile(r"\[script:([a-z0-9_-]+)\]")

#: What turns may repeat from the prompt: `{{NAME}}` is the value of `[NAME:value]` there, and the nonce of a judge.
MARK = re.compile(r"\[([a-z]+):([^\]]+)\]")
NONCE = re.compile(r'"nonce": "([0-9a-f]+)"')

#: What a request without tools gets: programs ask for titles of sessions so.
ASIDE = {"say": "A title"}

#: What a prompt that names no script gets.
STRANGE = {"status": 400, "error": "the prompt names no script"}


class Scripts:
    """Scripts, and how far each has come. Any thread may ask."""

    def __init__(self, scripts):
        self._scripts = scripts
        self._lock = threading.Condition()
        #: (script, number of its turn, prompt, body) of each request, in order.
        self.played = []

    def turn(self, prompt, body, *, aside=False):
        """The turn for a request: (script, number of the request among its script's, turn)."""
        if aside:
            return "", 0, ASIDE
        names = NAME.findall(prompt)
        turns = self._scripts.get(names[-1]) if names else None
        with self._lock:
            number = sum(name == (names[-1] if names else "") for name, *_ in self.played)
            self.played.append((names[-1] if names else "", number, prompt, body))
            self._lock.notify_all()
        if not turns:
            return "", number, STRANGE
        return names[-1], number, filled(turns[min(number, len(turns) - 1)], prompt)

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


def prompt_of(messages):
    """What the user said last that names a script; else all that they said."""
    said = [text_of(message.get("content")) for message in messages if message.get("role") == "user"]
    return next((text for text in reversed(said) if NAME.search(text)), "\n".join(said))
