"""Parameters: what is filled in where, and what is refused."""

from typing import Any

import pytest

from orch_actors.protocol.spec.params import fill, typed
from orch_actors.protocol.spec.places import Findings


def filled(document: dict[str, Any], **given: str) -> dict[str, Any]:
    findings = Findings()
    result = fill(document, given, findings)
    assert not findings, findings.problems()
    return result


def problems(document: dict[str, Any], **given: str) -> dict[str, str]:
    findings = Findings()
    fill(document, given, findings)
    return {problem.where: problem.message for problem in findings.problems()}


def test_every_text_is_filled_and_params_are_gone() -> None:
    document = {
        "params": {"a": "x", "n": {"default": 3, "description": "how many"}},
        "name": "${params.a}-${params.n}",
        "tasks": [{"command": ["run", "${params.a}"], "env": {"A": "<${params.a}>"}, "priority": "${params.n}"}],
    }
    assert filled(document, a="y") == {
        "name": "y-3",
        "tasks": [{"command": ["run", "y"], "env": {"A": "<y>"}, "priority": 3}],
    }
    assert document["name"] == "${params.a}-${params.n}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$${params.a}", "$${params.a}"),
        ("$$${params.a}", "$$${params.a}"),
        ("$${HOME} ${HOME} $HOME $$ $(x)", "$${HOME} ${HOME} $HOME $$ $(x)"),
        ("${params.a}${params.a}", "xx"),
        ("$${params.a}${params.a}", "$${params.a}x"),
        ("${tasks.b} $${tasks.b} ${item} $${item}", "${tasks.b} $${tasks.b} ${item} $${item}"),
    ],
)
def test_escapes(text: str, expected: str) -> None:
    assert filled({"params": {"a": "x"}, "goal": text}) == {"goal": expected}


def test_filling_twice_changes_nothing_more() -> None:
    once = filled({"params": {"a": "x"}, "goal": "$${params.a} ${params.a}"})
    assert filled(once) == once


def test_what_is_filled_in_is_not_read_again() -> None:
    assert filled({"params": {"a": "${params.a}"}, "goal": "-${params.a}-"}) == {"goal": "-${params.a}-"}


@pytest.mark.parametrize(
    ("default", "given", "expected"),
    [
        (4, "8", 8),
        (4, "-8", -8),
        (4, "2.5", 2.5),
        (4, "5m", "5m"),
        (4, "007", "007"),
        (4, "NaN", "NaN"),
        (1.5, "2", 2),
        (True, "false", False),
        (True, "no", "no"),
        ("x", "8", "8"),
        (None, "8", "8"),
    ],
)
def test_types_follow_the_default(default: Any, given: str, expected: object) -> None:
    value = typed(given, default)
    assert value == expected
    assert type(value) is type(expected)


def test_types_within_a_text() -> None:
    document = {"params": {"n": 4, "t": True, "f": 0.5}, "goal": "${params.n} ${params.t} ${params.f}"}
    assert filled(document) == {"goal": "4 true 0.5"}


def test_all_problems_at_once() -> None:
    found = problems(
        {
            "params": {"need": {"description": "x"}, "1st": "x", "bad": [], "odd": {"defualt": 3}, "null": None},
            "goal": "${params.ned} ${params.need}",
            "tasks": [{"command": "${params.", "env": {"${params.need}": "x"}}],
        },
        nead="x",
    )
    assert set(found) == {
        "params.need",
        "params.1st",
        "params.bad",
        "params.odd.defualt",
        "params.null",
        "params",
        "goal",
        "tasks[0].command",
        'tasks[0].env["${params.need}"]',
    }
    assert "--param need=VALUE" in found["params.need"]
    assert "`default`" in found["params.odd.defualt"]
    assert "did you mean `need`" in found["params"]
    assert "'ned'" in found["goal"]
    assert "no `}`" in found["tasks[0].command"]


def test_params_that_are_none() -> None:
    assert "a list" in problems({"params": ["a"]})["params"]
    assert "declares none" in problems({"name": "x"}, a="1")["params"]
