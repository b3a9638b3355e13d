"""The help of `stress` and its verbs is laid out as it is written."""

import pytest
from typer.testing import CliRunner

from orch_actors.stress.cli import VERBS, app


@pytest.mark.parametrize("words", [[], *([verb] for verb in VERBS)], ids=" ".join)
def test_examples_stand_a_line_each(words):
    shown = CliRunner().invoke(app, [*words, "--help"]).output
    example = "  orch-actors stress bench" if not words else f"  orch-actors stress {words[0]}"
    assert f"\n{example}" in shown or words == ["list"]
    assert "\\b" not in shown
    assert "\b" not in shown
