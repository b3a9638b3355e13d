"""What is waited for, as data: graphs that end, a decision that is answered. Pure: no socket, clock or thread."""

from collections.abc import Sequence
from typing import Final

from orch_actors.protocol.errors import Refused
from orch_actors.protocol.views import GRAPH_ENDINGS, DecisionView, Event, GraphSummary


class Awaited:
    """The graphs that somebody waits for, and what is known of them.

    Invariant: after the first `update`, `refs` are ids; a name may come to fit a second graph meanwhile.
    """

    def __init__(self, refs: Sequence[str], *, any_: bool) -> None:
        self.refs: tuple[str, ...] = tuple(refs)
        self.summaries: tuple[GraphSummary, ...] = ()
        self._any: Final = any_

    def update(self, summaries: tuple[GraphSummary, ...]) -> None:
        """Take in the summaries of all `refs`, in their order."""
        self.summaries = summaries
        self.refs = tuple(summary.id for summary in summaries)

    def met(self) -> bool:
        """Whether the wait is over; that for nothing is."""
        ended = [summary.state in GRAPH_ENDINGS for summary in self.summaries]
        return not self.refs or (any(ended) if self._any else all(ended))

    def concerned_by(self, event: Event) -> bool:
        """Whether an event may end the wait, so that a look is worth while."""
        return event.kind == "graph_ended" and event.graph in self.refs

    def timed_out(self, timeout_s: float | None) -> TimeoutError:
        """The error to raise: it names what still goes on."""
        if not self.summaries:
            return TimeoutError(f"after {timeout_s:g} s no daemon has answered")
        open_ = [summary.id for summary in self.summaries if summary.state not in GRAPH_ENDINGS]
        return TimeoutError(f"after {timeout_s:g} s still going on: {', '.join(open_)}")


class Questioned:
    """A decision that somebody waits for."""

    #: Kinds of events after which a decision may be over: its answer, and what ends its task's wait for one.
    _MAY_END: Final = frozenset({"decision_answered", "attempt_ended", "task_ended", "graph_forgotten"})

    def __init__(self, ref: str) -> None:
        self.ref: Final = ref
        #: The decision with its answer, once it has one.
        self.answered: DecisionView | None = None
        self._graph, self._task = "", ""

    def update(self, view: DecisionView, *, closed: bool = False) -> None:
        """Take in how it stands; `closed`: it is no longer among the open ones.

        Raises:
            Refused: NOT_ALLOWED, it will never have an answer.
        """
        self._graph, self._task = view.graph, view.task
        if view.choice is not None:
            self.answered = view
        elif closed:
            raise Refused.because(  # a decision about a worker type never ends so
                "NOT_ALLOWED",
                f"{view.ref} needs no answer any more: {view.graph}/{view.task} went on without one",
                f"`orch-actors why {view.graph}/{view.task}` says why",
            )

    def concerned_by(self, event: Event) -> bool:
        """Whether an event may end the wait, so that a look is worth while."""
        if event.kind == "decision_answered":  # the one end of those about worker types
            return event.data.get("ref") == self.ref
        return event.kind in self._MAY_END and event.graph == self._graph and event.task in (self._task, None)

    def timed_out(self, timeout_s: float | None) -> TimeoutError:
        """The error to raise."""
        return TimeoutError(f"after {timeout_s:g} s {self.ref} has no answer")


def until_after(timeout_s: float | None, now: float) -> float | None:
    """The instant at which a wait ends; None: never."""
    return None if timeout_s is None else now + timeout_s


#: However short a wait is to be, it begins with a look.
LEAST_LOOK_S: Final = 1.0


def look_within_s(patience_s: float, until: float | None, now: float) -> float:
    """How long the look at the beginning of a wait may take."""
    return patience_s if until is None else min(patience_s, max(LEAST_LOOK_S, until - now))
