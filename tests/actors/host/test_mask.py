"""What blots secrets out: every form in which programs print a value, and nothing else."""

import json

import pytest

from orch_actors.actors.host.leavings import MAX_TAIL, read_tail
from orch_actors.actors.host.mask import NOTHING, Mask
from orch_actors.protocol.hostwire import Question

KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nAAECAwQFBgcICQoL\n-----END KEY-----"


@pytest.mark.parametrize(
    ("value", "text", "seen"),
    [
        ("hunter2", "the word is hunter2.", "the word is ***."),
        ("hunter2", "hunter2hunter2 hunter", "****** hunter"),
        ("a.*b", "a.*b axxb", "*** axxb"),
        ('say "hi"\t', json.dumps({"x": 'say "hi"\t'}), '{"x": "***"}'),
        ("grüße", json.dumps("grüße") + " grüße", '"***" ***'),
        (KEY, f"x {KEY} y", "x *** y"),
        (KEY, "only MIIEvQIBADANBgkq here", "only *** here"),
        (KEY, json.dumps(KEY), '"***"'),
    ],
)
def test_every_form(value, text, seen):
    assert Mask([value]).text(text) == seen


def test_the_longest_first():
    assert Mask(["secret", "secret-and-more"]).text("secret-and-more, secret") == "***, ***"


def test_nothing_to_hide():
    assert NOTHING.text("a") == "a"
    assert not NOTHING.holds({"a": ["b", 1, None, True]})


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a hunter22", True),
        (["a", {"b": "hunter2"}], True),
        ({"hunter2": 1}, True),
        ("hunter", False),
        ({"a": [1, None, True, 2.5]}, False),
    ],
)
def test_anywhere_in_a_json_value(value, found):
    assert Mask(["hunter2"]).holds(value) is found


def test_a_number_is_a_secret_as_well():
    assert Mask(["123456"]).holds({"pin": 123456})


def test_a_question():
    asked = Question(question="use hunter2?", options=("hunter2", "swordfish", "no"), default="hunter2")
    said = Mask(["hunter2", "swordfish"]).question(asked)
    assert (said.question, said.options, said.default) == ("use ***?", ("***", "no"), "***")


@pytest.mark.parametrize("character", ["x", "ä", "€", "𝄞"])
def test_no_part_of_a_secret_is_left_at_the_cut(tmp_path, character):
    secret = "".join(chr(0x4E00 + n) for n in range(300))
    path = tmp_path / "out"
    for before in range(0, MAX_TAIL + 700, 97):
        path.write_text(f"start\n{secret}{character * before}\nthe end\n")
        tail = read_tail(str(path), Mask([secret]))
        assert not set(tail) & set(secret), before
        assert tail.endswith("the end")
        assert len(tail) <= MAX_TAIL
    path.write_text(f"{character * 9000}{secret * 40}")
    assert not set(read_tail(str(path), Mask([secret]))) & set(secret)
