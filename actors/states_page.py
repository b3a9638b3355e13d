"""docs/states.md, drawn from the tables, the stimuli and the facts: what is written there is what the code does.

    python -m orch_actors.actors.states_page > docs/states.md

Nothing here decides anything; a test holds the file against what this draws. It stands outside the core, which imports
nothing of the system.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, get_args

from orch_actors.actors.core import facts as f
from orch_actors.actors.core.machine import HANDLERS
from orch_actors.actors.core.table import (
    GRAPH_MEANINGS,
    GRAPH_MOVES,
    GRAPH_PHASES,
    GRAPH_REACTIONS,
    GRAPH_STATES,
    MEANINGS,
    REACTIONS,
    TASK_MOVES,
    TASK_STATES,
    TERMINAL,
    WORKER_MEANINGS,
    WORKER_MOVES,
    WORKER_REACTIONS,
    WORKER_STATES,
)

_Moves = Mapping[tuple[str, str], frozenset[str]]

_MARKS: Final = {"act": "**acts**", "ignore": "–", "refuse": "refuses"}

_HEAD: Final = """\
# The life of a task, of a graph and of a worker type

Drawn from `actors/core/table.py`, `stimuli.py` and `facts.py`; change it there, then draw this page anew:
`python -m orch_actors.actors.states_page > docs/states.md`.

A *stimulus* is what a client asks or what the world did. The machine decides what it means and says so in *facts*,
which alone change states. Facts are what stands in the journal and what events tell of.
"""

_REACTIONS: Final = """\
## What each stimulus means for a task, in each state

**acts**: a handler decides. –: late or doubled news, nothing happens. refuses: a client asked for what this state does
not allow, and is told so.
"""

_MOVES: Final = """\
## Where each fact may lead a task

A fact that is not in this table for a state is a bug, and stops the daemon before anything is changed.
"""


_GRAPHS: Final = """\
`cancelling`: its end is decided, and attempts of it still run; to clients it is `running` or `paused`.
"""

_WORKERS: Final = """\
## A worker type's states

`open`: hosts of the type are started where there is work. `parked`: they died too often; none is started until somebody
says so, or the deadline of the decision about it.
"""


def document() -> str:
    """The whole page, as Markdown."""
    tasks: _Moves = {(state, fact): frozenset[str](ends) for (state, fact), ends in TASK_MOVES.items()}
    graphs: _Moves = {(state, fact): frozenset[str](ends) for (state, fact), ends in GRAPH_MOVES.items()}
    workers: _Moves = {(state, fact): frozenset[str](ends) for (state, fact), ends in WORKER_MOVES.items()}
    return "\n".join(
        [
            _HEAD,
            "## A task's states\n",
            diagram(tasks, TASK_STATES, "pending: graph_submitted, tasks_added"),
            f"Final, unless somebody asks to run the task again: {', '.join(sorted(TERMINAL))}.\n",
            _REACTIONS,
            reactions(),
            _table(["stimulus", "brought by", "meaning"], _meanings()),
            _MOVES,
            _table(["fact", *TASK_STATES], _rows(tasks, TASK_STATES)),
            "## A graph's states\n",
            diagram(graphs, GRAPH_STATES, "running: graph_submitted"),
            _GRAPHS,
            _table(["stimulus", *GRAPH_PHASES, "brought by", "meaning"], _graph_reactions()),
            _table(["fact", *GRAPH_STATES], _rows(graphs, GRAPH_STATES)),
            _WORKERS,
            _table(["stimulus", *WORKER_STATES, "brought by", "meaning"], _worker_reactions()),
            _table(["fact", *WORKER_STATES], _rows(workers, WORKER_STATES)),
            "## All stimuli\n",
            _table(["stimulus", "what it is"], ([f"`{kind.__name__}`", _sentence(kind)] for kind in HANDLERS)),
            "## All facts\n",
            _table(["fact", "what it says"], ([f"`{tag_of(kind)}`", _sentence(kind)] for kind in get_args(f.Fact))),
        ]
    )


def diagram(moves: _Moves, states: Sequence[str], birth: str) -> str:
    """Moves from one state to another, in Mermaid; facts that lead the same way share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, fact), ends in moves.items():
        for end in sorted(ends - {state}, key=states.index):
            arrows.setdefault((state, end), []).append(fact)
    lines = [f"    {state} --> {end}: {', '.join(facts)}" for (state, end), facts in arrows.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {birth}", *lines, "```\n"])


def reactions() -> str:
    """REACTIONS as a table: a row for each stimulus, every pair."""
    rows = ([f"`{stimulus}`", *(_MARKS[REACTIONS[state, stimulus]] for state in TASK_STATES)] for stimulus in MEANINGS)
    return _table(["stimulus", *TASK_STATES], rows)


def _meanings() -> Iterable[list[str]]:
    for stimulus, (kind, meaning) in MEANINGS.items():
        yield [f"`{stimulus}`", f"`{kind}`" if kind else "", meaning]


def _graph_reactions() -> Iterable[list[str]]:
    for stimulus, (kind, meaning) in GRAPH_MEANINGS.items():
        marks = (_MARKS[GRAPH_REACTIONS[phase, stimulus]] for phase in GRAPH_PHASES)
        yield [f"`{stimulus}`", *marks, f"`{kind}`" if kind else "", meaning]


def _worker_reactions() -> Iterable[list[str]]:
    for stimulus, (kind, meaning) in WORKER_MEANINGS.items():
        marks = (_MARKS[WORKER_REACTIONS[state, stimulus]] for state in WORKER_STATES)
        yield [f"`{stimulus}`", *marks, f"`{kind}`", meaning]


def _rows(moves: _Moves, states: Sequence[str]) -> Iterable[list[str]]:
    for fact in dict.fromkeys(fact for _, fact in moves):
        ends = (sorted(moves.get((state, fact), ()), key=states.index) for state in states)
        yield [f"`{fact}`", *(", ".join(end) or "–" for end in ends)]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]) + "\n"


def _sentence(kind: type) -> str:
    """A docstring on one line."""
    return " ".join((kind.__doc__ or "").split()).replace("|", "\\|")


def tag_of(kind: type[f.FactForm]) -> str:
    """A fact's kind, as the journal and events have it."""
    return str(kind.__struct_config__.tag)


if __name__ == "__main__":
    sys.stdout.write(document())
