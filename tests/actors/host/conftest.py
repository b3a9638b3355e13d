from collections.abc import Iterator
from pathlib import Path

import pytest
from host_harness import FakeSupervisor


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[FakeSupervisor]:
    made = FakeSupervisor(tmp_path)
    yield made
    made.close()
