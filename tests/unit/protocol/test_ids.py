"""Ids: what may be one, and that new ones are unique and in order of time."""

import time
import uuid

import pytest

from orch_actors.protocol.ids import attempt_id, is_id, new_id, split_attempt_id


@pytest.mark.parametrize("text", ["a", "0", "build-1.2_x", "a" * 64])
def test_is_id(text):
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "A", ".a", "-a", "a..b", "a/b", "a" * 65, "ä", "a\n", "a b", "١"])
def test_is_no_id(text):
    assert not is_id(text)


def test_attempt_ids_go_there_and_back():
    assert attempt_id("g1", "build", 2) == "g1/build/2"
    assert split_attempt_id("g1/build/2") == ("g1", "build", 2)


def test_new_ids():
    before = int(time.time() * 1000)
    made = [new_id() for _ in range(1000)]
    after = int(time.time() * 1000)
    assert len(set(made)) == 1000
    for text in made:
        value = uuid.UUID(text)
        assert value.version == 7
        assert value.variant == uuid.RFC_4122
        assert before <= int(text[:12], 16) <= after
    assert [text[:12] for text in made] == sorted(text[:12] for text in made)
