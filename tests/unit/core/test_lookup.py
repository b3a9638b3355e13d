"""What people type, and which graph or task it means."""

import pytest
from core_world import World, task

from orch_actors.actors.core.lookup import find_graph, find_task
from orch_actors.protocol.errors import Refused


@pytest.fixture
def state():
    world = World(ready=False)
    for name in ["build", "build", "g1", "deploy", *["many"] * 8]:
        world.submit(task("compile"), name=name)
    return world.state


@pytest.mark.parametrize(("ref", "found"), [("g2", "g2"), ("g1", "g1"), ("deploy", "g4"), ("g11", "g11")])
def test_id_first_then_name_then_prefix(state, ref, found):
    assert find_graph(state, ref).id == found


def test_a_unique_beginning(state):
    for number in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1):
        del state.graphs[f"g{number}"]
    assert find_graph(state, "g").id == "g12"


@pytest.mark.parametrize(
    ("ref", "code", "words"),
    [
        ("build", "AMBIGUOUS_ID", "g1, g2"),
        ("many", "AMBIGUOUS_ID", "and 3 more"),
        ("g", "AMBIGUOUS_ID", "type more"),
        ("deplyo", "UNKNOWN_GRAPH", "did you mean deploy?"),
        ("zzz", "UNKNOWN_GRAPH", "status"),
        ("", "UNKNOWN_GRAPH", "status"),
    ],
)
def test_what_is_not_clear_is_refused_with_a_hint(state, ref, code, words):
    with pytest.raises(Refused) as refused:
        find_graph(state, ref)
    assert refused.value.info.code == code
    assert words in refused.value.info.message + refused.value.info.hint


@pytest.mark.parametrize(("ref", "words"), [("compiel", "did you mean compile?"), ("zzz", "lists its tasks")])
def test_unknown_tasks(state, ref, words):
    graph = state.graphs["g1"]
    assert find_task(graph, "compile").id == "compile"
    with pytest.raises(Refused) as refused:
        find_task(graph, ref)
    assert (refused.value.info.code, words in refused.value.info.hint) == ("UNKNOWN_TASK", True)
