"""The help of `stress` and its verbs is laid out as it is written."""

import pytest
from typer.testing import CliRunner

from orch_actors.stress.cli import VERBS, app


def test_without_a_verb_it_shows_its_help():
    ran = CliRunner().invoke(app, [])
    assert ran.exit_code == 0
    assert ran.output.startswith("Usage: ")


@pytest.mark.parametrize("words", [[], *([verb] for verb in VERBS)], ids=" ".join)
def test_examples_stand_a_line_each(words):
    shown = CliRunner().invoke(app, [*words, "--help"]).output
    example = "  orch-actors stress bench" if not words else f"  orch-actors stress {words[0]}"
    assert f"\n{example}" in shown or words == ["list"]
    assert "\\b" not in shown
    assert "\b" not in shown
