"""The machine: stimulus in, step out. Pure: no clock, no I/O, no randomness, no threads, no logging.

    step = machine.handle(stimulus, now_utc)   # decides; state is already the new one
    journal.append(step.facts)                  # durable
    perform(step.effects); send(step.reply)     # only now does anybody learn of it

`handle` is the only way in for news, `fold` the only way in for history (replay). A refusal raises before
anything is decided, so it leaves no trace. The place for a new verb or event of the world: a stimulus in
stimuli.py, a handler in handlers/, a line here; for a new state or a new way between states: table.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers import (
    attempts,
    budgeting,
    cancelling,
    consuming,
    decisions,
    editing,
    judging,
    pausing,
    retaining,
    submission,
    timers,
    workers,
)
from orch_actors.actors.core.state import State
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol import messages

#: What a client is told of its command.
CommandAnswer = (
    messages.GraphAccepted
    | messages.Cancelled
    | messages.Edited
    | messages.Decided
    | messages.Asked
    | messages.Pruned
    | messages.ConsumerOpened
    | messages.ConsumersForgotten
    | messages.Acknowledged
)
Answer = CommandAnswer | int | None


@dataclass(frozen=True, slots=True)
class Step:
    """What one stimulus came to. Facts first, then effects and the answer, in this order."""

    facts: tuple[f.Fact, ...]
    effects: tuple[s.Effect, ...]
    answer: Answer = None


class Machine:
    """Holds the graphs. `boot` is the machine's boot id, put into every attempt; `name` the journal's."""

    def __init__(self, boot: str = "", name: str = "", state: State | None = None) -> None:
        """`state`: what a history came to; not given: nothing has happened yet."""
        self.state = State() if state is None else state
        self._boot, self._name = boot, name

    def handle(self, stimulus: s.Stimulus, now_utc: float) -> Step:
        """Decide what a stimulus means; `now_utc` is wall time in seconds since the epoch.

        Raises:
            Refused: a client's wish that cannot be met; nothing was changed.
            InvalidTransition: a bug of ours.
        """
        turn = Turn(self.state, now_utc, self._boot, self._name)
        handler = HANDLERS.get(type(stimulus))
        if handler is None:
            raise TypeError(f"no handler for {type(stimulus).__name__}")
        answer = handler(turn, stimulus)
        judging.settle(turn)
        attempts.grant_slots(turn)
        while turn.judges_over or turn.judges_orphaned:  # a judge's budget was used up
            judging.settle(turn)
            attempts.grant_slots(turn)
        return Step(tuple(turn.facts), tuple(turn.effects), answer)


#: Stimulus → who decides. Built once; every stimulus has its line (a test holds it against stimuli.py).
HANDLERS: Final[dict[type[s.Stimulus], Callable[[Turn, Any], Answer]]] = {
    s.AttemptOver: attempts.on_attempt_over,
    s.AttemptFound: attempts.on_attempt_found,
    s.AttemptExceeded: attempts.on_attempt_exceeded,
    s.AttemptProgressed: attempts.on_attempt_progressed,
    s.TimerFired: timers.on_timer,
    s.GraphOffered: submission.on_graph_offered,
    s.CancelAsked: cancelling.on_cancel_asked,
    s.CancelRunningAsked: cancelling.on_cancel_running,
    s.TasksOffered: editing.on_tasks_offered,
    s.UpdateAsked: editing.on_update_asked,
    s.RetryAsked: editing.on_retry_asked,
    s.PauseAsked: pausing.on_pause_asked,
    s.ResumeAsked: pausing.on_resume_asked,
    s.LimitAsked: pausing.on_limit_asked,
    s.BudgetAsked: budgeting.on_budget_asked,
    s.PruneAsked: pausing.on_prune_asked,
    s.RetentionDue: retaining.on_retention_due,
    s.DecisionMade: decisions.on_decision_made,
    s.QuestionAsked: decisions.on_question_asked,
    s.ConsumerWanted: consuming.on_consumer_wanted,
    s.EventsAcknowledged: consuming.on_events_acknowledged,
    s.ConsumersUnwanted: consuming.on_consumers_unwanted,
    s.WorkerReady: workers.on_worker_ready,
    s.WorkerLost: workers.on_worker_lost,
    s.WorkerTypesConfigured: workers.on_worker_types_configured,
    s.Recovered: workers.on_recovered,
    s.Shutting: workers.on_shutting,
    s.DiskFilled: workers.on_disk_filled,
    s.DiskFreed: workers.on_disk_freed,
}
