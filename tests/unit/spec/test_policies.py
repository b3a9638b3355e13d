"""Policies that would do nothing, or not what was meant."""

from typing import Any

import pytest

from orch_actors.actors.core.handlers import asking
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.spec.document import to_document
from orch_actors.protocol.spec.failures import CHOICES, FAILURES, FINAL_FAILURES, LEAST
from orch_actors.protocol.spec.graph import Asking
from orch_actors.protocol.spec.parse import parse_graph


def graph(fields: dict[str, Any], **top: Any) -> dict[str, Any]:
    return {"name": "g", "tasks": [{"id": "a", "command": "true", **fields}], **top}


def problems(document: object) -> dict[str, str]:
    with pytest.raises(Refused) as caught:
        parse_graph(document, base_dir="/")
    return {problem.where: problem.message for problem in caught.value.info.problems}


WRONG: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"timeout": 0}, "timeout", ["is 0", "leave it out"]),
    ({"timeout": "0s"}, "timeout", ["is 0"]),
    ({"timeout": -0.0}, "timeout", ["is 0"]),
    ({"idle_timeout": 0}, "idle_timeout", ["is 0"]),
    ({"deadline": 0}, "deadline", ["is 0"]),
    ({"ask": {"deadline": 0}}, "ask.deadline", ["is 0"]),
    ({"retry": {"on": ["exits"]}}, "retry.on[0]", ["'exits'", "did you mean `exit`"]),
    ({"retry": {"on": ["exit", "zzz"]}}, "retry.on[1]", ["`exit`", "`idle_timeout`", "`validation`"]),
    ({"retry": {"on": "unknown"}}, "retry.on[0]", ["never", "on_unknown: rerun"]),
    ({"retry": {"on": "deadline"}}, "retry.on[0]", ["never", "`timeout`"]),
    ({"retry": {"on": "cancelled"}}, "retry.on[0]", ["never"]),
    ({"retry": {"exit_codes": 0}}, "retry.exit_codes[0]", ["from 1 to 255"]),
    ({"retry": {"exit_codes": [1, 256]}}, "retry.exit_codes[1]", ["from 1 to 255"]),
    ({"retry": {"on": "timeout", "exit_codes": 1}}, "retry.exit_codes", ["`exit`"]),
    ({"artifacts": ["a", " "]}, "artifacts.paths[1]", ["empty"]),
    ({"artifacts": ["x" * 1001]}, "artifacts.paths[0]", ["1001 characters"]),
    ({"artifacts": [f"f{n}" for n in range(65)]}, "artifacts.paths", ["are 65: expected at most 64"]),
    ({"artifacts": {"copy": True}}, "artifacts.copy", ["never matters"]),
    ({"artifacts": {"paths": "a", "copies": True}}, "artifacts.copies", ["did you mean `copy`"]),
    ({"artifacts": 5}, "artifacts", ["is the number 5", "a list with text", "a mapping of `paths` and `copy`"]),
    ({"artifacts": ["a", 5]}, "artifacts[1]", ["is the number 5"]),
    ({"validate": {}}, "validate", ["nothing that must hold"]),
    ({"validate": {"timeout": 5}}, "validate", ["nothing that must hold"]),
    ({"validate": {"files": []}}, "validate", ["nothing that must hold"]),
    ({"validate": {"files": ["a", " "]}}, "validate.files[1]", ["empty"]),
    ({"validate": {"command": ""}}, "validate.command", ["empty"]),
    ({"validate": {"command": []}}, "validate.command", ["empty"]),
    ({"validate": {"command": "x" * 130_000}}, "validate.command", ["120,000 bytes"]),
    ({"validate": {"pattern": "("}}, "validate.pattern", ["no regular expression"]),
    ({"validate": {"pattern": "a{99999999999999}"}}, "validate.pattern", ["no regular expression"]),
    ({"validate": {"pattern": "(" * 1000 + ")" * 1000}}, "validate.pattern", ["no regular expression"]),
    ({"validate": {"pattern": ""}}, "validate.pattern", ["empty"]),
    ({"validate": {"pattern": "x" * 3000}}, "validate.pattern", ["3000 characters"]),
    ({"validate": {"pattern": "x", "timeout": 0}}, "validate.timeout", ["is 0"]),
    ({"ask": {"question": "x" * 5000}}, "ask.question", ["5000 characters"]),
    ({"ask": {"default": "approve"}}, "ask.default", ["only with `approve: true`"]),
    ({"ask": {"default": "continue"}}, "ask.default", ["only with `on_fail: ask`"]),
    ({"ask": {"default": "rerun"}, "on_unknown": "fail"}, "ask.default", ["`on_unknown: ask`"]),
    ({"ask": {"default": "fail"}, "on_unknown": "fail"}, "ask.default", ["`on_fail: ask` or `on_unknown: ask`"]),
    ({"ask": {"default": "rejct"}, "approve": True}, "ask.default", ["did you mean `reject`", "`approve`"]),
    ({"ask": {"default": "zzz"}, "on_unknown": "fail"}, "ask.default", ["never asks"]),
    ({"env": {"A": "é" * 70_000}}, "env.A", ["120,000 bytes"]),
    ({"command": "é" * 70_000}, "command", ["120,000 bytes"]),
    ({"exclusive": ["db", ""]}, "exclusive[1]", ["empty"]),
    ({"resources": {"": 1}}, 'resources[""]', ["empty name"]),
]


@pytest.mark.parametrize(("fields", "place", "words"), WRONG, ids=lambda value: str(value)[:40])
def test_wrong_policies(fields: dict[str, Any], place: str, words: list[str]) -> None:
    found = problems(graph(fields))
    joint = "" if place.startswith("[") else "."
    assert list(found) == [f"tasks[0] (a){joint}{place}"]
    assert all(word in next(iter(found.values())) for word in words), found


def test_a_graph_without_time() -> None:
    assert problems(graph({}, limits={"wall": 0})) == {
        "limits.wall": problems(graph({"timeout": 0}))["tasks[0] (a).timeout"]
    }


def test_wrong_defaults_are_told_once() -> None:
    tasks = [{"id": name, "command": "x"} for name in "abc"]
    assert list(problems({"name": "g", "tasks": tasks, "defaults": {"timeout": 0}})) == ["defaults.timeout"]
    assert list(problems({"name": "g", "tasks": tasks, "defaults": {"retry": {"on": "x"}}})) == ["defaults.retry.on[0]"]


RIGHT: list[dict[str, Any]] = [
    {"retry": {"on": [name for name in FAILURES if name not in FINAL_FAILURES], "exit_codes": [1, 255]}},
    {"retry": {"exit_codes": [137]}},
    {"validate": {"pattern": "[[a]--b] (?i:x)", "timeout": "1ms"}},
    {"validate": {"schema": {}}},
    {"grace": 0, "retry": {"backoff": 0, "max_backoff": 0}},
    {"ask": {"default": "accept", "deadline": 1, "question": "?"}},
    {"ask": {"default": "reject"}, "approve": True, "on_unknown": "fail"},
    {"ask": {"default": "cancel_graph"}, "on_fail": "ask"},
]


@pytest.mark.parametrize("fields", RIGHT, ids=str)
def test_right_policies(fields: dict[str, Any]) -> None:
    assert parse_graph(graph(fields), base_dir="/")


def test_how_things_are_asked_keeps_its_defaults() -> None:
    spec = parse_graph(graph({"ask": {}, "retry": {}}, tolerant=False, limits={}), base_dir="/")
    assert spec.tasks[0].ask == Asking()
    assert to_document(spec) == {"name": "g", "tasks": [{"id": "a", "worker": "shell", "command": "true", "cwd": "/"}]}
    said = {"question": "?", "deadline": 5.0, "default": "fail"}
    spec = parse_graph(graph({"ask": {**said, "deadline": "5s"}}, tolerant=True), base_dir="/")
    assert to_document(spec)["tasks"][0]["ask"] == said
    assert to_document(spec)["tolerant"] is True


def test_the_daemon_asks_what_documents_are_held_against() -> None:
    assert asking.OPTIONS == CHOICES
    assert asking._DEFAULTS == LEAST
    assert all(LEAST[about] in options for about, options in CHOICES.items())
    assert FINAL_FAILURES.keys() < FAILURES.keys()
