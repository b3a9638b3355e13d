"""What attempts leave in their files, and what they find there: last words, questions, answers."""

import os
from pathlib import Path

import msgspec
import pytest
from host_harness import BOOT, FakeSupervisor, Host
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orch_actors.actors.host import leavings
from orch_actors.protocol.codec import encode
from orch_actors.protocol.hostwire import TO_SUPERVISOR, AttemptEnded, Question


@pytest.fixture
def host(supervisor: FakeSupervisor) -> Host:
    return supervisor.start_host("shell")


# --- last words --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "tail"),
    [
        ("echo out; echo err >&2; exit 1", "err"),
        ("echo out; echo out 2; exit 1", "out\nout 2"),
        ("echo out; echo >&2; exit 1", "out"),
        ("exit 1", ""),
        ("echo out; true", ""),
        ("printf 'a\\000b\\033[31mc\\td\\377e\\r\\n'; exit 1", "a\ufffdb\x1b[31mc\td\ufffde"),
    ],
)
def test_last_words(supervisor: FakeSupervisor, host: Host, command: str, tail: str) -> None:
    assert host.run(supervisor.launch(command)).tail == tail


def test_last_words_of_the_killed_the_lost_and_those_that_never_began(supervisor: FakeSupervisor, host: Host) -> None:
    from orch_actors.protocol.hostwire import StartAttempt

    for ending in ("killed", "lost"):
        launch = supervisor.launch("echo my last words; sleep 600")
        host.send(StartAttempt(launch=launch))
        pid = supervisor.pid(launch)
        while not supervisor.file(launch, ".out").read_text():
            pass
        if ending == "killed":
            ended = host.stop(launch)
        else:
            os.kill(pid, 9)
            ended = host.ended(launch.attempt)
        assert (ended.ending, ended.tail) == (ending, "my last words")
    never = host.run(supervisor.launch("true", cwd="/nowhere"))
    assert (never.ending, never.tail) == ("spawn", "")


def test_a_tail_is_bounded_and_made_of_whole_lines(supervisor: FakeSupervisor, host: Host) -> None:
    ended = host.run(supervisor.launch("seq 1 100000; exit 1"))
    lines = ended.tail.split("\n")
    assert 1900 < len(ended.tail) <= 2000
    assert lines == [str(number) for number in range(int(lines[0]), 100001)]
    one_line = host.run(supervisor.launch("head -c 100000 /dev/zero | tr '\\0' x; exit 1"))
    assert one_line.tail == "x" * 2000


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.text(alphabet="aü€\U0001f600\n\0", max_size=400).map(str.encode),
        st.tuples(st.binary(min_size=1, max_size=9), st.integers(0, 2000)).map(lambda part: part[0] * part[1]),
    )
)
def test_a_tail_is_always_fit_to_travel(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "out"
    path.write_bytes(data)
    tail = leavings.read_tail(str(path))
    assert len(tail) <= 2000
    assert "\0" not in tail
    assert data.decode(errors="replace").replace("\0", "\ufffd").rstrip().endswith(tail)
    message = AttemptEnded(attempt="g/a/1", ending="exit", tail=tail)
    assert TO_SUPERVISOR.decode(encode(message)) == message


# --- questions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Go on?\n", Question(question="Go on?")),
        ("Go\non?", Question(question="Go\non?")),
        (
            '{"question": "Which?", "options": ["a", "b"], "default": "b", "deadline": 90}',
            Question(question="Which?", options=("a", "b"), default="b", deadline=90.0),
        ),
        ('{"question": "Go?", "more": 1}', Question(question="Go?")),
        ("", None),
        (" \n", None),
    ],
)
def test_questions(supervisor: FakeSupervisor, host: Host, text: str, question: Question | None) -> None:
    for code in (0, 3):
        ended = host.run(supervisor.launch(f"cat > $ORCH_QUESTION <<'END'\n{text}\nEND\nexit {code}"))
        assert (ended.exit_code, ended.question) == (code, question)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"question": 5}',
        '{"question": " "}',
        '{"question": "q", "options": []}',
        '{"question": "q", "options": ["a", "a"]}',
        '{"question": "q", "options": [" "]}',
        '{"question": "q", "default": "maybe"}',
        '{"question": "q", "deadline": -1}',
        '{"question": "q", "deadline": 1e999}',
        '{"question": "q\\u0000"}',
        '{"question": "\\ud800"}',
        '["q"]',
        "[" * 5000,
    ],
)
def test_what_is_no_question_in_json_is_one_in_text(tmp_path: Path, text: str) -> None:
    path = tmp_path / "question"
    path.write_text(text)
    assert leavings.read_question(str(path)) == Question(question=text)


def test_hostile_question_files(tmp_path: Path) -> None:
    path = tmp_path / "question"
    path.write_bytes(b"\xff" * 100_000)
    asked = leavings.read_question(str(path))
    assert asked is not None
    assert len(asked.question) == leavings.MAX_QUESTION_BYTES
    path.unlink()
    for make in (os.mkfifo, os.mkdir):
        other = tmp_path / make.__name__
        make(other)
        assert leavings.read_question(str(other)) is None
    path.symlink_to(path)
    assert leavings.read_question(str(path)) is None


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300) | st.text(max_size=100).map(lambda text: b'{"question": "%s"}' % text.encode()))
def test_whatever_is_asked_can_travel(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "question"
    path.write_bytes(data)
    message = AttemptEnded(attempt="g/a/1", ending="exit", question=leavings.read_question(str(path)))
    assert TO_SUPERVISOR.decode(encode(message)) == message


# --- answers -----------------------------------------------------------------------------------------------------


def test_an_answer_is_a_file(supervisor: FakeSupervisor, host: Host) -> None:
    answer = {"ref": "d7", "question": "Which?", "choice": "ü", "note": ""}
    launch = supervisor.launch("cat $ORCH_ANSWER", answer=answer)
    assert host.run(launch).exit_code == 0
    assert msgspec.json.decode(supervisor.out(launch)) == answer
    assert supervisor.file(launch, ".answer").stat().st_mode & 0o777 == 0o600
    none = supervisor.launch("echo ${ORCH_ANSWER-unset}")
    host.run(none)
    assert supervisor.out(none) == "unset\n"


def test_an_answers_place_is_taken(supervisor: FakeSupervisor, host: Host) -> None:
    launch = supervisor.launch("cat $ORCH_ANSWER", answer={"choice": "yes"})
    os.mkfifo(supervisor.file(launch, ".answer"))
    assert host.run(launch).exit_code == 0
    assert supervisor.out(launch) == '{"choice":"yes"}\n'
    folder = supervisor.launch("true", answer={"choice": "yes"})
    supervisor.file(folder, ".answer").mkdir()
    assert host.run(folder).ending == "spawn"


def test_questions_and_answers_of_python_tasks(supervisor: FakeSupervisor) -> None:
    host = supervisor.start_host("python")
    source = """
import json, os
if "ORCH_ANSWER" in os.environ:
    print(json.load(open(os.environ["ORCH_ANSWER"]))["choice"])
else:
    open(os.environ["ORCH_QUESTION"], "w").write("Go on?")
open(os.environ["ORCH_SUMMARY"], "w").write("did it")
"""
    asks = supervisor.launch({"script": source})
    assert host.run(asks).question == Question(question="Go on?")
    assert supervisor.file(asks, ".summary").read_text() == "did it"
    goes_on = supervisor.launch({"script": source}, answer={"choice": "yes"})
    assert host.run(goes_on).question is None
    assert supervisor.out(goes_on) == "yes\n"
    assert goes_on.boot == BOOT
