"""What is "mine": the graphs that this session or folder submitted, picked out of all that there are."""

from msgspec.structs import replace

from orch_actors.protocol.submitter import submitter, submitter_of
from orch_actors.protocol.views import GraphSummary, StatusView


def is_mine(graph: GraphSummary, name: str) -> bool:
    """Whether the submitter `name` submitted it; a daemon that does not tell (an older one) leaves no choice."""
    return not graph.client or submitter_of(graph.client) == name


def mine_of(view: StatusView) -> StatusView:
    """The same with no graphs but mine; `elsewhere` says how many others there are."""
    name = submitter()
    graphs = tuple(graph for graph in view.graphs if is_mine(graph, name))
    return replace(view, graphs=graphs, elsewhere=len(view.graphs) - len(graphs))
