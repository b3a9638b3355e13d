"""Skips what needs the real programs where they are not there; stages for the rest (`agent_stage.py`)."""

import os
from pathlib import Path

import pytest
from agent_stage import FOLDER, Stage


def pytest_collection_modifyitems(items):
    """Skip, and say why."""
    folder = os.environ.get(FOLDER, "")
    missing = [name for name in ("claude", "opencode") if not os.access(os.path.join(folder, name), os.X_OK)]
    if folder and not missing:
        return
    why = (
        f"{FOLDER}={folder} lacks {' and '.join(missing)}"
        if folder
        else f"{FOLDER} names no folder with claude and opencode"
    )
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture
def stage():
    """Makes stages, and takes them down."""
    made = []

    def make(*options):
        made.append(Stage(*options))
        return made[-1]

    yield make
    for one in made:
        one.close()
