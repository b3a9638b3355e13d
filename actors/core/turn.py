"""One turn of the machine: the facts it decides on and the effects it asks for.

A handler decides by looking at the state and calls `emit` for each fact; the fact is folded in at once, so the
next decision of the same turn sees it. Effects are only collected: the shell performs them once the facts are
durable.
"""

from dataclasses import dataclass, field

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.fold import fold
from orch_actors.actors.core.nodes import Task
from orch_actors.actors.core.state import State


@dataclass(slots=True)
class Turn:
    """The working surface of a handler. `now_utc` is wall time in seconds since the epoch, given from outside."""

    state: State
    now_utc: float
    boot: str
    #: Of whose state this is: the journal's id.
    name: str = ""
    facts: list[f.Fact] = field(default_factory=list)
    effects: list[s.Effect] = field(default_factory=list)
    #: Judges that ended in this turn, and those that nobody needs any more; see handlers/judging.py.
    judges_over: list[Task] = field(default_factory=list)
    judges_orphaned: list[Task] = field(default_factory=list)

    def emit(self, fact: f.Fact) -> None:
        """Decide a fact: fold it in and put it down for the journal."""
        fold(self.state, fact, self.now_utc)
        self.facts.append(fact)

    def ask(self, effect: s.Effect) -> None:
        """Ask the shell for something, after the facts are durable."""
        self.effects.append(effect)
