"""The machine: stimulus in, step out. Pure: no clock, no I/O, no randomness, no threads, no logging.

    step = machine.handle(stimulus, now_utc)   # decides; state is already the new one
    journal.append(step.facts)                  # durable
    perform(step.effects); send(step.reply)     # only now does anybody learn of it

`handle` is the only way in for news, `fold` the only way in for history (replay). A refusal raises before
anything is decided, so it leaves no trace. The place for a new verb or event of the world: a stimulus in
stimuli.py, a handler in handlers/, a line here; for a new state or a new way between states: table.py.
"""

from dataclasses import dataclass

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers import attempts, cancelling, submission, workers
from orch_actors.actors.core.state import State
from orch_actors.actors.core.turn import Turn
from orch_actors.protocol.messages import Cancelled, GraphAccepted


@dataclass(frozen=True, slots=True)
class Step:
    """What one stimulus came to. Facts first, then effects and the answer, in this order."""

    facts: tuple[f.Fact, ...]
    effects: tuple[s.Effect, ...]
    answer: GraphAccepted | Cancelled | int | None = None


class Machine:
    """Holds the graphs. `boot` is the machine's boot id, put into every attempt."""

    def __init__(self, boot: str = "") -> None:
        self.state = State()
        self._boot = boot

    def fold(self, fact: f.Fact, at_utc: float) -> None:
        """Replay one fact, decided at `at_utc` in an earlier life."""
        self.state.fold(fact, at_utc)

    def handle(self, stimulus: s.Stimulus, now_utc: float) -> Step:
        """Decide what a stimulus means; `now_utc` is wall time in seconds since the epoch.

        Raises:
            Refused: a client's wish that cannot be met; nothing was changed.
            InvalidTransition: a bug of ours.
        """
        turn = Turn(self.state, now_utc, self._boot)
        answer = self._dispatch(turn, stimulus)
        attempts.grant_slots(turn)
        return Step(tuple(turn.facts), tuple(turn.effects), answer)

    def _dispatch(self, turn: Turn, stimulus: s.Stimulus) -> GraphAccepted | Cancelled | int | None:
        match stimulus:
            case s.AttemptOver():
                attempts.on_attempt_over(turn, stimulus)
            case s.GraphOffered():
                return submission.on_graph_offered(turn, stimulus)
            case s.TimerFired():
                attempts.on_timer(turn, stimulus)
            case s.AttemptFound():
                attempts.on_attempt_found(turn, stimulus)
            case s.CancelAsked():
                return cancelling.on_cancel_asked(turn, stimulus)
            case s.CancelRunningAsked():
                return cancelling.on_cancel_running(turn, stimulus)
            case s.WorkerReady():
                workers.on_worker_ready(turn, stimulus)
            case s.WorkerLost():
                workers.on_worker_lost(turn, stimulus)
            case s.WorkerTypesConfigured():
                workers.on_worker_types_configured(turn, stimulus)
            case s.Recovered():
                workers.on_recovered(turn)
            case _:
                raise TypeError(f"no handler for {type(stimulus).__name__}")
        return None
