"""What a scenario is: a folder with a graph file, and a module that says how it is driven and what must come of it.

The place for a new scenario: a folder below `scenarios/` with `graph.yaml` and `scenario.py` (a subclass of Scenario,
its instance called SCENARIO), and its name in `scenarios/__init__.py`. A scenario that makes its graphs itself has its
own `submit` instead of a graph file.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct

from orch_actors.protocol.client import Client
from orch_actors.protocol.spec.load import check_file
from orch_actors.protocol.views import Event, GraphView
from orch_actors.stress.expect import Check


class Place(Struct, frozen=True, kw_only=True):
    """Where a run reads and writes, absolute folders; and what it is made from."""

    #: What the scenario is pointed at (pilot: the folder surveyed).
    folder: str
    #: The run's own output; it exists and is empty when the run begins.
    out: str
    #: For scenarios that make their graphs: from which seed, and of how many tasks (None: as many as usual).
    seed: int = 0
    tasks: int | None = None


class Ended(Struct, frozen=True, kw_only=True):
    """Graphs that have ended, and what can be known of them."""

    #: At least one, in the order of submission.
    views: tuple[GraphView, ...]
    #: All events of the daemon up to now, from number 1.
    events: tuple[Event, ...]
    #: Task → what it handed back, for those that did, of the only graph; nothing where there are several.
    results: Mapping[str, Any]

    @property
    def view(self) -> GraphView:
        """The only graph, or the first."""
        return self.views[0]


class Scenario(ABC):
    """One scenario; holds no state of a run."""

    name: ClassVar[str]
    summary: ClassVar[str]
    #: Seconds after which a run counts as hanging.
    limit_s: ClassVar[float] = 300.0
    #: What a daemon of its own is configured with, the text of a config.toml; a named home must have as much.
    settings: ClassVar[str] = ""
    #: It makes as many tasks as it is told to (`--tasks`), from a seed.
    sized: ClassVar[bool] = False

    @abstractmethod
    def least_events(self, place: Place) -> int:
        """Events that its graphs have at least, whatever happens: moments for kills are chosen below it."""

    @abstractmethod
    def parameters(self, place: Place) -> dict[str, str]:
        """The values of the graph file's parameters."""

    def submit(self, client: Client, place: Place) -> tuple[str, ...]:
        """Hand over what is to be run, by default the graph file; the graphs' ids."""
        from orch_actors.stress.scenarios import graph_file

        document, _, base_dir = check_file(graph_file(self.name), self.parameters(place))
        return (client.submit(document, base_dir=base_dir).graph,)

    def drive(self, client: Client, graphs: tuple[str, ...], place: Place) -> list[Check]:
        """What the client does while the graphs run, as an agent would; by default nothing."""
        del client, graphs, place
        return []

    @abstractmethod
    def judge(self, client: Client, ended: Ended, place: Place) -> list[Check]:
        """Hold what became of it against what must."""

    def headline(self, ended: Ended) -> str:
        """A line for people on what the run has brought; by default none."""
        del ended
        return ""


def results_of(client: Client, view: GraphView) -> dict[str, Any]:
    """What each task of a graph handed back; tasks without a result are left out."""
    found: dict[str, Any] = {}
    for task in view.tasks:
        if task.has_result:
            found[task.id] = client.result(view.id, task.id).value
    return found


def all_events(client: Client) -> tuple[Event, ...]:
    """Every event that the daemon tells of, page by page."""
    found: list[Event] = []
    while True:
        page = client.events(found[-1].seq if found else 0, 1000)
        found += page.events
        if not page.events or page.events[-1].seq >= page.head:
            return tuple(found)


def whole_log(client: Client, graph: str, task: str, *, attempt: int = 0, stream: str = "stdout") -> bytes:
    """An ended attempt's output, piece by piece, as an agent would read it."""
    data = b""
    while True:
        piece = client.read_log(graph, task, attempt=attempt, stream=stream, offset=len(data))
        data += piece.data
        if not piece.data or len(data) >= piece.size:
            return data
