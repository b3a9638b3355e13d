"""What one stimulus costs the machine, in a large graph and in a small one: the cost must not grow with the graph.

In this process and over the machine alone: no daemon, no journal, no clock but the one that measures. Half of a graph's
tasks are ready at once, so the queue is long; the others wait for two of them each.
"""

import time
from collections import deque
from typing import Final

from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.machine import Machine
from orch_actors.actors.core.state import State
from orch_actors.protocol.spec.graph import Dependency, GraphSpec, TaskSpec
from orch_actors.protocol.spec.work import ShellWork

#: Attempts that run at once.
SLOTS: Final = 8


def graph_of(tasks: int) -> GraphSpec:
    """So many tasks, each of the second half behind two of the first."""
    half = tasks // 2
    work = ShellWork(command="true")
    first = [TaskSpec(id=f"t{number}", work=work) for number in range(half)]
    second = [
        TaskSpec(
            id=f"t{half + number}",
            work=work,
            depends_on=(Dependency(task=f"t{number}"), Dependency(task=f"t{(number + 1) % half}")),
        )
        for number in range(tasks - half)
    ]
    return GraphSpec(name="large", tasks=(*first, *second))


class Course:
    """A graph on its way, task by task. Invariant: between two calls SLOTS attempts run, while there are as many."""

    def __init__(self, tasks: int) -> None:
        """Takes seconds for 100,000 tasks: they are checked and written down as a submission is."""
        self._machine: Final = Machine(boot="bench")
        self._now = 0.0
        #: Attempts that run: task and number.
        self._running: Final[deque[tuple[str, int]]] = deque()
        self._handle(s.WorkerTypesConfigured(limits={"shell": SLOTS}))
        self._handle(s.WorkerReady(worker="shell"))
        self._handle(s.GraphOffered(spec=graph_of(tasks), digest="", client="bench"))

    def complete(self) -> float:
        """Complete the task that has run longest; seconds that the machine took, the start of the next one included.

        Raises:
            IndexError: nothing runs any more.
        """
        task, number = self._running.popleft()
        return self._handle(
            s.AttemptOver(graph="g1", task=task, attempt=number, ending="exit", exit_code=0, duration_s=1.0)
        )

    @property
    def state(self) -> State:
        """What the machine knows; to be looked at, not changed."""
        return self._machine.state

    def _handle(self, stimulus: s.Stimulus) -> float:
        self._now += 1.0
        begun_at = time.perf_counter()
        step = self._machine.handle(stimulus, self._now)
        took_s = time.perf_counter() - begun_at
        for effect in step.effects:
            if isinstance(effect, s.StartAttempt):
                self._running.append((effect.task, effect.attempt))
        return took_s
