"""docs/states.md says what the tables say, and the tables say everything."""

from pathlib import Path
from typing import get_args

import pytest

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.machine import HANDLERS
from orch_actors.actors.core.table import (
    GRAPH_MEANINGS,
    GRAPH_MOVES,
    GRAPH_PHASES,
    GRAPH_REACTIONS,
    MEANINGS,
    REACTIONS,
    TASK_MOVES,
    TASK_STATES,
    TERMINAL,
    WORKER_MEANINGS,
    WORKER_MOVES,
    WORKER_REACTIONS,
    WORKER_STATES,
    GraphStimulus,
    Stimulus,
    WorkerStimulus,
)
from orch_actors.actors.states_page import document

#: Stimuli that are about no task, graph or worker type in some state.
STATELESS = {
    "CancelRunningAsked",
    "ConsumerWanted",
    "ConsumersUnwanted",
    "DiskFilled",
    "DiskFreed",
    "EventsAcknowledged",
    "GraphOffered",
    "Recovered",
    "RetentionDue",
    "Shutting",
    "WorkerTypesConfigured",
}

PAGE = Path(__file__).parents[2] / "docs" / "states.md"


def test_the_page_is_what_the_tables_draw():
    assert PAGE.read_text() == document(), "draw it anew: python -m orch_actors.actors.states_page > docs/states.md"


def test_every_pair_is_written_down():
    assert set(REACTIONS) == {(state, stimulus) for state in TASK_STATES for stimulus in get_args(Stimulus)}


def test_every_fact_of_the_moves_is_a_fact():
    tags = {fact.__struct_config__.tag for fact in get_args(f.Fact)}
    assert {fact for moves in (TASK_MOVES, GRAPH_MOVES, WORKER_MOVES) for _, fact in moves} <= tags


def test_every_pair_of_graphs_is_written_down():
    stimuli = get_args(GraphStimulus)
    assert set(GRAPH_REACTIONS) == {(phase, stimulus) for phase in GRAPH_PHASES for stimulus in stimuli}
    assert set(GRAPH_MEANINGS) == set(stimuli)
    assert {kind for kind, _ in GRAPH_MEANINGS.values()} - {""} <= {kind.__name__ for kind in HANDLERS}


def test_every_stimulus_stands_in_a_table_or_knows_no_state():
    """One that is added is given its rows, or its place here."""
    told = {kind for table in (MEANINGS, GRAPH_MEANINGS, WORKER_MEANINGS) for kind, _ in table.values()}
    assert {kind.__name__ for kind in HANDLERS} - told == STATELESS


def test_every_pair_of_worker_types_is_written_down():
    stimuli = get_args(WorkerStimulus)
    assert set(WORKER_REACTIONS) == {(state, stimulus) for state in WORKER_STATES for stimulus in stimuli}
    assert set(WORKER_MEANINGS) == set(stimuli)
    assert {kind for kind, _ in WORKER_MEANINGS.values()} <= {kind.__name__ for kind in HANDLERS}


def test_every_fact_moves_something_or_has_no_states_to_move():
    moving = {fact for moves in (TASK_MOVES, GRAPH_MOVES, WORKER_MOVES) for _, fact in moves}
    others = {fact.__struct_config__.tag for fact in get_args(f.Fact)} - moving
    assert others == {
        "graph_submitted",
        "decision_answered",
        "task_updated",
        "worker_paused",
        "worker_resumed",
        "worker_limited",
        "worker_eased",
        "consumer_opened",
        "consumer_advanced",
        "consumer_forgotten",
    }


def test_every_stimulus_of_the_table_is_explained():
    assert set(MEANINGS) == set(get_args(Stimulus))
    assert {kind for kind, _ in MEANINGS.values()} - {""} <= {kind.__name__ for kind in HANDLERS}


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_what_is_over_only_comes_back_by_being_revived(state):
    assert {fact for start, fact in TASK_MOVES if start == state} == {"task_revived", "task_quarantined"}


@pytest.mark.parametrize("state", sorted(set(TASK_STATES) - TERMINAL))
def test_every_open_state_has_a_way_out(state):
    reached, open_ends = set(), [state]
    while open_ends:
        here = open_ends.pop()
        for (start, _), targets in TASK_MOVES.items():
            if start == here:
                open_ends += targets - reached
                reached |= targets
    assert reached & TERMINAL


def test_every_stimulus_has_a_handler():
    kinds = {kind for kind in vars(s).values() if isinstance(kind, type) and issubclass(kind, s.Stimulus)}
    assert set(HANDLERS) == kinds - {s.Stimulus}
