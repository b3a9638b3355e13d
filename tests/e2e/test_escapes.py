"""Terminal injection: whatever tasks, agents and files put into their texts, no verb shows it so that a terminal acts.

A graph holds escape sequences in every text field that there is; every verb is run on it, to a pipe, as JSON and on a
terminal. In a pipe nothing but newlines and tabs may stand among the control characters; on a terminal only sequences
of ours. The one exception is the raw output of a task, `logs` to a pipe: bytes are bytes there (README).
"""

import json
import os
import pty
import re
import select
import time
import unicodedata

import pytest

from orch_actors.protocol import messages
from orch_actors.protocol.client import Client

from .conftest import PROGRAM, eventually

#: Title of the window, colours, cursor, C1, bidirectional overrides and isolates, a bell, a backspace, tags.
EVIL = "\x1b]0;pwned\x07\x1b[31;1m\x1b[2J\x9b2J\x9d0;x\x9c\u202eevil\u2066\u061c\u200f\r\x08\x7f\U000e0041\u2028\ufff9"

#: What a redrawing or colouring verb of ours writes: colours, erasing, moving up, hiding the cursor.
OURS = re.compile(r"\x1b\[[0-9;]*m|\x1b\[[0-9]*[AGJK]|\x1b\[\?25[lh]|\x1b\[\?2026[lh]|\r\n|\r")
INVISIBLE = {"Cc", "Cs"}
BIDI = "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufff9\U000e0041"


def unsafe(text):
    return {
        f"U+{ord(character):04X}"
        for character in text
        if (unicodedata.category(character) in INVISIBLE and character not in "\n\t") or character in BIDI
    }


def graph(folder):
    """Every text field that takes it; a task that fails, one that asks, one whose result is evil, too."""
    say = f"printf '%s\\n' '{EVIL} out'"
    return {
        "name": "evil",
        "goal": EVIL,
        "tasks": [
            {
                "id": "fails",
                "command": f"{say} >&2; exit 3",
                "env": {"E": EVIL},
                "on_fail": "ask",
                "ask": {"question": f"{EVIL} what now?"},
                "exclusive": [EVIL],
                "validate": {"files": [EVIL], "pattern": "x\x1b"},
                "secrets": {"S": {"command": ["printf", "four" + EVIL]}},
            },
            {"id": "asks", "command": f"printf '%s' '{EVIL} right?' > \"$ORCH_QUESTION\""},
            {
                "id": "options",
                "command": "printf '%s' '"
                + json.dumps({"question": EVIL, "options": [f"yes{EVIL}", "no"]})
                + '\' > "$ORCH_QUESTION"',
            },
            {"id": "result", "command": f"printf '%s' '{json.dumps({'x' + EVIL: EVIL})}' > \"$ORCH_RESULT\""},
            {
                "id": "invalid",
                "command": "true",
                "validate": {"command": f"{say}; exit 1", "files": [f"no{EVIL}"], "pattern": "nothing\x1b\\[31m"},
            },
            {"id": "nowhere", "command": "true", "cwd": f"{folder}/no{EVIL}"},
            {"id": "program", "command": [f"no{EVIL}", EVIL]},
            {"id": "python", "worker": "python", "script": f"raise ValueError({EVIL!r})\n"},
            {"id": "secret", "command": "true", "secrets": {"S": {"file": f"/no{EVIL}"}}},
            {
                "id": "reference",
                "command": "true",
                "env": {"R": "${tasks.result.result.nothing}"},
                "depends_on": ["result"],
            },
            {"id": "cancelled", "command": "sleep 600"},
            {"id": "waits", "command": "true", "approve": True, "ask": {"question": EVIL}},
        ],
    }


@pytest.fixture(scope="module")
def evil(shared, tmp_path_factory):
    """A home with that graph, as far as it goes, with evil reasons and notes on top."""
    folder = tmp_path_factory.mktemp("evil")
    with Client(shared.home, client_id=f"client{EVIL}") as client:
        client.submit(graph(folder), base_dir=str(folder), key=EVIL)
        client.cancel("evil", "cancelled", reason=EVIL)
        for words in (messages.Pause(worker="python", reason=EVIL), messages.Resume(worker="python")):
            client.request(words)
        eventually(lambda: len(client.request(messages.GetDecisions()).decisions) == 4)
        for asked in client.request(messages.GetDecisions()).decisions:
            if asked.task in ("asks", "options"):
                client.request(messages.Decide(ref=asked.ref, choice=asked.options[0], note=EVIL))
        client.request(messages.Pause(graph="evil", reason=EVIL))
        eventually(lambda: not [task for task in client.graph("evil").tasks if task.state == "running"])
    return shared


TASKS = [task["id"] for task in graph("")["tasks"]]
VERBS = [
    ("status",),
    ("status", "evil"),
    ("inbox",),
    ("events", "--since", "0"),
    ("decisions",),
    ("decisions", "--all"),
    ("actors",),
    *(("graph", "evil", "--format", form) for form in ("text", "mermaid", "dot", "json")),
    ("timeline", "evil"),
    ("timeline", "evil", "--chrome"),
    ("config", "show"),
    ("doctor",),
    ("journal", "verify"),
    ("consumers", "list"),
    ("prune", "--dry-run"),
    *(("why", f"evil/{task}") for task in TASKS),
    *(("result", f"evil/{task}") for task in TASKS),
    ("update", "evil/waits", f"title={EVIL}", "--dry-run"),
    ("update", "evil/waits", f"env={{X: '{EVIL}'}}", "--dry-run"),
    ("retry", "evil/fails", "--dry-run"),
    ("add", "evil", "--id", "more", "--dry-run", "--", EVIL),
    ("cancel", f"evil{EVIL}"),
    ("wait", f"{EVIL}"),
    ("status", f"{EVIL}"),
    ("logs", f"evil/{EVIL}"),
    ("decide", "d1", EVIL),
    ("decide", EVIL, "yes"),
    (EVIL,),
    ("status", f"--{EVIL}"),
    ("submit", f"/no/{EVIL}.yaml"),
    ("--home", f"/no/{EVIL}", "status"),
    ("--home", f"/no/{EVIL}", "doctor"),
    ("--home", f"/no/{EVIL}", "journal", "verify"),
    ("--home", f"/no/{EVIL}", "journal", "salvage"),
    ("--key-file", f"/no/{EVIL}", "status"),
    ("--endpoint", EVIL, "status"),
    ("keys", "new", EVIL),
    ("keys", "allow", "k", EVIL),
    ("keys", "revoke", EVIL),
    ("limit", "--worker", EVIL, "3"),
    ("pause", "--worker", EVIL),
    ("submit", "--dry-run", "--name", EVIL, "--", "true"),
    ("events", "--graph", EVIL),
    ("stress", "replay", f"/no/{EVIL}.json"),
    ("stress", "run", EVIL),
]


def named(words):
    return " ".join(word.replace(EVIL, "EVIL") for word in words)


@pytest.mark.parametrize("words", VERBS, ids=named)
def test_no_verb_lets_it_through(evil, words):
    ran = evil.attempt(*words)
    assert unsafe(ran.out + ran.err) == set(), ran
    as_json = evil.attempt(*words, *(() if "--chrome" in words or words[0] == "stress" else ("--json",)))
    assert unsafe(as_json.out + as_json.err) == set(), as_json


def test_what_it_said_is_told_nevertheless(evil):
    """Escaped, not dropped: people see that something odd is there."""
    assert "\\x1b]0;pwned\\x07" in evil("why", "evil/nowhere").out
    assert "\\u202eevil" in evil("status", "evil").out + evil("decisions", "--all").out
    assert evil("result", "evil/result", "--json").json["value"] == {"x" + EVIL: EVIL}


def test_names_of_files(evil, tmp_path):
    for name, text in (("bad", "name: [\n"), ("wrong", "name: n\ntasks: [{id: a, comand: x}]\n")):
        path = tmp_path / f"{name}{EVIL}.yaml"
        path.write_text(text)
        for words in (("submit", str(path)), ("run", str(path)), ("submit", str(path), "--json")):
            ran = evil.attempt(*words)
            assert unsafe(ran.out + ran.err) == set(), ran


def test_what_a_file_says(evil, tmp_path):
    document = {
        "name": EVIL,
        EVIL: 1,
        "tasks": [{"id": EVIL, "command": 1, EVIL: EVIL}, {"id": "a", "depends_on": [EVIL]}],
    }
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(document))
    for form in ((), ("--json",)):
        ran = evil.attempt("submit", str(path), *form)
        assert ran.code == 4
        assert unsafe(ran.out + ran.err) == set(), ran


def on_a_terminal(evil, *words, lasts=20.0):
    """What the verb writes to a terminal."""
    pid, fd = pty.fork()
    if not pid:
        env = {**evil.env, "TERM": "xterm-256color", "COLUMNS": "200", "LINES": "60"}
        env.pop("NO_COLOR", None)
        os.execve(PROGRAM, [PROGRAM, *words], env)
    data, until = b"", time.monotonic() + lasts
    try:
        while time.monotonic() < until:
            if select.select([fd], [], [], 0.1)[0]:
                try:
                    piece = os.read(fd, 65536)
                except OSError:
                    break
                if not piece:
                    break
                data += piece
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(fd)
    return data.decode(errors="backslashreplace")


@pytest.mark.parametrize(
    "words",
    [
        ("status", "evil"),
        ("inbox",),
        ("why", "evil/fails"),
        ("decisions", "--all"),
        ("graph", "evil"),
        ("timeline", "evil"),
        ("logs", "evil/fails"),
        ("logs", "evil/fails", "--stderr"),
        ("events", "--since", "0"),
        ("result", "evil/result"),
    ],
    ids=named,
)
def test_on_a_terminal_nothing_but_ours(evil, words):
    shown = on_a_terminal(evil, *words)
    assert shown
    assert unsafe(OURS.sub("", shown)) == set(), shown
    assert "\x1b]" not in shown


def test_watching_on_a_terminal(evil, tmp_path):
    path = tmp_path / "run.json"
    tasks = [{"id": "a", "command": f"printf '%s\\n' '{EVIL} out'; exit 3", "on_fail": "fail"}]
    path.write_text(json.dumps({"name": "watched", "goal": EVIL, "tasks": tasks}))
    shown = on_a_terminal(evil, "run", str(path))
    assert "watched" in shown
    assert unsafe(OURS.sub("", shown)) == set(), shown


def test_logs_to_a_pipe_are_the_bytes_themselves(evil):
    assert EVIL.encode() in evil("logs", "evil/fails", "--stderr").raw


def test_the_logs_of_daemon_and_hosts(evil):
    """A line that is no beginning of an entry is told apart from one: nobody writes entries for us."""
    with Client(evil.home, client_id="c") as client:
        for forged in (f"{EVIL}\n2026-01-01 00:00:00.000 | ERROR | forged", EVIL):
            request = messages.Hello()
            client.request(request, command_id=forged[:128])
    texts = []
    for folder in (evil.home, os.path.join(evil.home, "logs")):
        for name in os.listdir(folder):
            if name.endswith(".log"):
                with open(os.path.join(folder, name), encoding="utf-8", newline="") as file:
                    texts.append(file.read())
    assert any(texts)
    assert unsafe("".join(texts)) == set()
