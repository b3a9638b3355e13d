"""The help of `stress` is laid out as it is written."""

from typer.testing import CliRunner

from orch_actors.stress.cli import app


def test_examples_stand_a_line_each():
    shown = CliRunner().invoke(app, ["--help"]).output
    assert "\n  orch-actors stress bench  " in shown
    assert "\\b" not in shown
    assert "\b" not in shown
