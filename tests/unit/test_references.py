"""References filled in: every place, every type, and what there is not."""

import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orch_actors.actors.attempts.references import Filled, MissingReference, filled

PATHS = ["/out/a b", "/out/it's", "/out/$(x)"]

RESULTS: dict[str, Any] = {
    "build": {"path": "/out/a b", "n": 3, "list": [{"x": True}, "two"], "none": None, "deep": {"a-b": {"c_d": 1.5}}},
    "text": 'it\'s "$HOME" `date` $(date)\n',
    "a.b": {"c": 1},
}


def left_by(task: str, what: str) -> Any:
    if what == "artifacts" and task == "build":
        return PATHS
    if what == "artifacts" or task not in RESULTS:
        raise MissingReference(f"{task} has no {what}")
    return RESULTS[task]


def fill(work: dict[str, Any], env: dict[str, str] | None = None, dependencies: tuple[str, ...] = ()) -> Filled:
    return filled(work, env or {}, left_by, dependencies)


def test_what_has_no_reference_is_left_alone() -> None:
    work = {"command": "echo ${HOME} ${tasks} ${task:-x} $(date) $$ ${item} $${HOME}"}
    assert fill(work, {"A": "${A}"}) == (work, {"A": "${A}"})


def test_a_list_has_texts() -> None:
    work = {"command": ["x", "${tasks.build.result.n}", "-p=${tasks.build.result.path}", "${tasks.build.result.list}"]}
    assert fill(work).work == {"command": ["x", "3", "-p=/out/a b", '[{"x":true},"two"]']}


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("${tasks.build.result.n}", 3),
        ("${tasks.build.result.none}", None),
        ("${tasks.build.result.list}", [{"x": True}, "two"]),
        ("${tasks.build.result.list.0.x}", True),
        ("${tasks.build.result.list.1}", "two"),
        ("${tasks.build.result.deep.a-b.c_d}", 1.5),
        ("${tasks.build.result}", RESULTS["build"]),
        ("n=${tasks.build.result.n}", "n=3"),
        ("${tasks.build.result.n}${tasks.build.result.n}", "33"),
        ("${tasks.build.result.none} ", "null "),
        ("$${tasks.build.result.n}", "${tasks.build.result.n}"),
        ("$$${tasks.build.result.n}", "$${tasks.build.result.n}"),
        ("$${params.x} $${HOME}", "${params.x} $${HOME}"),
        ("${tasks.build}", "${tasks.build}"),
        ({"${x}": ["${tasks.build.result.n}"]}, {"${x}": [3]}),
        (5, 5),
    ],
)
def test_an_argument_keeps_the_type(argument: Any, expected: Any) -> None:
    assert fill({"call": "m:f", "script": None, "args": [argument]}).work["args"] == [expected]
    assert fill({"call": "m:f", "args": {"k": argument}}).work["args"] == {"k": expected}


def test_arguments_of_a_script_are_texts() -> None:
    work = {"script": "x.py", "args": ["${tasks.build.result.n}", "${tasks.build.result.none}", "a"]}
    assert fill(work).work["args"] == ["3", "null", "a"]


def test_variables_are_texts() -> None:
    env = {"N": "${tasks.build.result.n}", "T": "<${tasks.text.result}>", "E": "$${tasks.x.result}"}
    assert fill({}, env).env == {"N": "3", "T": f"<{RESULTS['text']}>", "E": "${tasks.x.result}"}


def test_other_fields_are_left_alone() -> None:
    work = {"script": "print('${tasks.build.result.n}')", "args": [], "interpreter": "${tasks.build.result.n}"}
    assert fill(work).work == work


A = "${tasks.build.artifacts}"


def test_artifacts_are_as_many_words() -> None:
    assert fill({"command": ["tar", A, "${tasks.build.artifacts.1}", f"x{A}"]}).work["command"] == [
        "tar", *PATHS, PATHS[1], 'x["/out/a b","/out/it\'s","/out/$(x)"]',
    ]  # fmt: skip
    assert fill({"script": "x.py", "args": [A]}).work["args"] == PATHS
    assert fill({"call": "m:f", "args": [A, {"k": A}]}).work["args"] == [PATHS, {"k": PATHS}]
    assert fill({"prompt": "Read ${tasks.build.artifacts.0}."}).work["prompt"] == "Read /out/a b."


def test_artifacts_in_text_for_sh() -> None:
    done = fill(
        {"command": f"printf '%s\\n' {A}; (printf '%s\\n' \"{A}\"); printf '<%s>' ${{tasks.build.artifacts.0}}x"}
    )
    said = subprocess.run(["/bin/sh", "-c", done.work["command"]], env=done.env, capture_output=True, check=True).stdout
    listed = '["/out/a b","/out/it\'s","/out/$(x)"]'
    assert said.decode() == "\n".join([*PATHS, listed, "</out/a bx>"])
    assert len(done.env) == len(PATHS) + 1  # each path once


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (f"F={A}", "by itself"),
        (f"cat {A}.bak", "by itself"),
        ("cat ${tasks.other.artifacts}", "has no artifacts"),
        ("cat ${tasks.build.artifacts.3}", "has no '3'"),
    ],
)
def test_artifacts_that_there_are_not(command: str, why: str) -> None:
    with pytest.raises(MissingReference, match=why):
        fill({"command": command})


# --- text for sh --------------------------------------------------------------------------------------------------


def test_a_value_goes_into_a_variable_once() -> None:
    done = fill(
        {"command": "run ${tasks.build.result.n} '${tasks.text.result}' \"${tasks.build.result.n}\""}, {"A": "b"}
    )
    assert done.work["command"] == 'run "${ORCH_REF_1}" \'\'"${ORCH_REF_2}"\'\' "${ORCH_REF_1}"'
    assert done.env == {"A": "b", "ORCH_REF_1": "3", "ORCH_REF_2": RESULTS["text"]}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab'\"$` \\", max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(json_values)
@settings(max_examples=60, deadline=None)
def test_sh_gets_every_value_as_it_is(value: Any) -> None:
    said = "${tasks.t.result}"
    command = f"""printf '%s\\0' {said} "{said}" '{said}' "$(printf %s. {said})" """
    done = filled({"command": command}, {"V": "${tasks.t.result}"}, lambda _, __: value)
    env = {"PATH": "/usr/bin:/bin", **done.env}
    told = subprocess.run(["sh", "-c", done.work["command"]], env=env, capture_output=True, timeout=20, check=True)
    text = done.env["V"].encode()
    assert told.stdout == b"\0".join([text, text, text, text + b".", b""])


def test_escapes_in_a_command() -> None:
    command = "echo '$${tasks.build.result.n}' \"${tasks.build.result.n}\" '$${params.x}'"
    assert (
        fill({"command": command}).work["command"] == "echo '${tasks.build.result.n}' \"${ORCH_REF_1}\" '${params.x}'"
    )


@pytest.mark.parametrize("command", ["cat <<E\n${tasks.build.result.n}\nE", "echo `echo ${tasks.build.result.n}`"])
def test_where_the_shell_has_no_place_the_attempt_fails(command: str) -> None:
    with pytest.raises(MissingReference, match=r"tasks\.build\.result\.n"):
        fill({"command": command})


# --- dots in ids --------------------------------------------------------------------------------------------------

DOTTED = {"a": {"result": {"x": "short"}, "x": "a"}, "a.result": {"result": "long", "x": "longer"}, "a.b-c": 7}


@pytest.mark.parametrize(
    ("reference", "dependencies", "expected"),
    [
        ("tasks.a.result.result.x", ["a"], "short"),
        ("tasks.a.result.result.x", ["a", "a.result"], "longer"),
        ("tasks.a.result.result.x", ["a.result"], "longer"),
        ("tasks.a.result.x", ["a", "a.result"], "a"),
        ("tasks.a.result.result.result", ["a", "a.result"], "long"),
        ("tasks.a.b-c.result", ["a", "a.b-c"], 7),
        # Of no dependency: the longest id.
        ("tasks.a.result.result.x", [], "longer"),
    ],
)
def test_the_longest_id_of_a_dependency_counts(reference: str, dependencies: list[str], expected: Any) -> None:
    done = filled({"args": [f"${{{reference}}}"]}, {}, lambda task, _: DOTTED[task], dependencies)
    assert done.work["args"] == [expected]


# --- what there is not --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("tasks.nope.result", "nope has no result"),
        ("tasks.build.result.nope", "tasks.build.result has no 'nope'"),
        ("tasks.build.result.list.2", "tasks.build.result.list has no '2'"),
        ("tasks.build.result.list.x", "tasks.build.result.list has no 'x'"),
        ("tasks.build.result.list.-1", "has no '-1'"),
        ("tasks.build.result.n.x", "tasks.build.result.n has no 'x'"),
        ("tasks.build.result.list." + "9" * 5000, "has no"),
    ],
)
@pytest.mark.parametrize("place", ["command", "list", "args", "env"])
def test_a_missing_result_is_named(place: str, reference: str, words: str) -> None:
    text = f"${{{reference}}}"
    work: dict[str, Any] = {"command": {"command": text, "list": [text]}.get(place, "x")}
    with pytest.raises(MissingReference) as caught:
        fill({**work, "args": [text] if place == "args" else []}, {"V": text} if place == "env" else {})
    assert words in str(caught.value)


@pytest.mark.parametrize(("value", "word"), [("a\0b", "NUL"), ("é" * 70_000, "120,000 bytes")])
def test_what_no_program_can_be_given(value: str, word: str) -> None:
    text = "${tasks.t.result}"
    for work, env in (({"command": text}, {}), ({"command": [text]}, {}), ({}, {"V": text})):
        with pytest.raises(MissingReference, match=word):
            filled(work, env, lambda _, __: value)
    # A Python function can.
    assert filled({"call": "m:f", "args": [text]}, {}, lambda _, __: value).work["args"] == [value]
