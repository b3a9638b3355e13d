"""The scenarios by name, loaded when they are asked for."""

import difflib
import importlib
import os
from typing import Final

from orch_actors.protocol.errors import Refused
from orch_actors.stress.scenario import Scenario

#: In the order in which they are listed.
NAMES: Final = ("pilot", "stress", "marathon", "review")


def load(name: str) -> Scenario:
    """The scenario of this name.

    Raises:
        Refused: there is none; says which there are.
    """
    if name not in NAMES:
        close = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(NAMES)}"
        raise Refused.because("INVALID_REQUEST", f"there is no scenario {name!r}", hint)
    scenario = importlib.import_module(f"{__name__}.{name}.scenario").SCENARIO
    if not isinstance(scenario, Scenario):
        raise TypeError(f"scenarios/{name}/scenario.py: SCENARIO is no Scenario")
    return scenario


def graph_file(name: str) -> str:
    """The path of a scenario's graph file; empty where it makes its graphs itself."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name, "graph.yaml")
    return path if os.path.isfile(path) else ""
