"""docs/states.md, drawn from the tables: `python -m orch_actors.actors.states_page > docs/states.md`.

Nothing here decides anything; a test holds the file against what this draws.
"""

import sys
from typing import get_args

from orch_actors.actors.core.table import REACTIONS, TASK_MOVES, TASK_STATES, TERMINAL, Stimulus

_MARKS = {"act": "**acts**", "ignore": "–", "refuse": "refuses"}


def document() -> str:
    """The whole page, as Markdown."""
    return "\n".join(
        [
            "# The life of a task",
            "",
            "Drawn from `actors/core/table.py`; change the tables there, then draw this page anew:",
            "`python -m orch_actors.actors.states_page > docs/states.md`.",
            "",
            "## Which fact leads where",
            "",
            *diagram(),
            "",
            "A fact that is not in this table for a state is a bug, and stops the daemon before anything is changed.",
            "",
            *moves(),
            "",
            "## What each stimulus means in each state",
            "",
            "**acts**: a handler decides. –: late or doubled news, nothing happens. refuses: a client asked for what",
            "this state does not allow, and is told so.",
            "",
            *reactions(),
            "",
        ]
    )


def diagram() -> list[str]:
    """The moves between states as a Mermaid diagram; facts that stay in a state are left out."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, fact), targets in TASK_MOVES.items():
        for target in sorted(targets):
            if target != state:
                arrows.setdefault((state, target), []).append(fact)
    lines = [f"    {state} --> {target}: {', '.join(facts)}" for (state, target), facts in arrows.items()]
    ends = [f"    {state} --> [*]" for state in TASK_STATES if state in TERMINAL]
    return ["```mermaid", "stateDiagram-v2", "    [*] --> pending: graph_submitted, tasks_added", *lines, *ends, "```"]


def moves() -> list[str]:
    """TASK_MOVES as a table: a row for each fact."""
    facts = list(dict.fromkeys(fact for _, fact in TASK_MOVES))
    rows = [
        [f"`{fact}`", *(", ".join(sorted(TASK_MOVES.get((state, fact), ()))) or "–" for state in TASK_STATES)]
        for fact in facts
    ]
    return _table(["fact", *TASK_STATES], rows)


def reactions() -> list[str]:
    """REACTIONS as a table: a row for each stimulus, every pair."""
    rows = [
        [f"`{stimulus}`", *(_MARKS[REACTIONS[state, stimulus]] for state in TASK_STATES)]
        for stimulus in get_args(Stimulus)
    ]
    return _table(["stimulus", *TASK_STATES], rows)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]


if __name__ == "__main__":
    sys.stdout.write(document())
