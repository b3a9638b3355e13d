"""A marathon's plan: graph documents, what each attempt of each task will do, and what the client will do and when.

Plain data, made by `generate.py` from a seed. The daemon sees the documents, the tasks' programs do their acts, the
client (`driver.py`) follows the script, and `model.py` says what must come of all three.
"""

from typing import Any, Literal

from msgspec import Struct

from orch_actors.protocol.errors import ErrorCode

#: What an attempt comes to if nobody interferes. `hang`: it ends only by a bound or by the client.
ComesTo = Literal["ok", "exit", "invalid", "result", "hang", "flood", "lost", "ask", "spawn", "reference", "secret"]


class Act(Struct, frozen=True):
    """What one attempt does."""

    #: Shell text with the words of act.sh.
    shell: str
    comes_to: ComesTo = "ok"
    #: The exit code where it comes to `exit`.
    code: int = 0
    #: It has the client ask for a decision and goes on; the answer comes while it runs.
    asks: bool = False


Verb = Literal[
    "answer",
    "cancel_task",
    "cancel_graph",
    "update",
    "add",
    "retry",
    "pause_graph",
    "resume_graph",
    "limit_graph",
    "pause_worker",
    "resume_worker",
    "limit_worker",
    "ask",
    "release",
    "why",
]


class Action(Struct, frozen=True, kw_only=True):
    """One thing that the client does."""

    verb: Verb
    #: None: the whole graph (`retry`: all that failed or were cancelled).
    task: str | None = None
    #: Answer: the choice. It is given twice, and then another one, which must be refused. Why: the kind of reason.
    choice: str = ""
    #: Update, retry: fields of the document; null takes one away.
    set: dict[str, Any] = {}
    #: Update, retry, add: what is done from then on, task → acts.
    acts: dict[str, tuple[Act, ...]] = {}
    #: Add: documents.
    tasks: tuple[dict[str, Any], ...] = ()
    #: Limits; None takes the bound away.
    parallel: int | None = None
    dry_run: bool = False
    #: It is sent with a version that the graph no longer has.
    stale: bool = False
    #: It must be refused with this code, and change nothing.
    refused: ErrorCode | None = None


When = Literal["decision_asked", "task_blocked", "attempt_starting", "task_ended", "graph_ended"]


class Cue(Struct, frozen=True, kw_only=True):
    """When the client does what: at an event's first, second, … coming for one task of the graph."""

    when: When
    #: None: of the graph itself.
    task: str | None
    #: 0: each time.
    nth: int = 1
    actions: tuple[Action, ...]


class GraphPlan(Struct, frozen=True, kw_only=True):
    """One graph of a marathon."""

    document: dict[str, Any]
    #: Task (as in the document) → its acts, at least one.
    acts: dict[str, tuple[Act, ...]]
    script: tuple[Cue, ...] = ()
    #: It is ended at some moment that nobody can foresee, so what the client does may come too late.
    cut: bool = False

    @property
    def name(self) -> str:
        """Unique within the marathon."""
        return str(self.document["name"])
