"""The README says what the code does."""

import json
import re
import shlex

import pytest
import readme

from orch_actors.cli import app, faults
from orch_actors.protocol.settings import load_settings
from orch_actors.protocol.spec.load import check_file
from orch_actors.stress.cli import VERBS as STRESS_VERBS


@pytest.mark.parametrize(("language", "text"), [(one, text) for one in ("yaml", "json") for text in readme.blocks(one)])
def test_graphs_are_accepted(tmp_path, language, text):
    file = tmp_path / f"graph.{language}"
    file.write_text(text)
    document, _, _ = check_file(str(file), {})
    assert document["tasks"]


def test_the_graph_file_takes_its_parameter(tmp_path):
    file = tmp_path / "graph.yaml"
    file.write_text(readme.blocks("yaml")[0])
    document, _, _ = check_file(str(file), {"last": "500"})
    assert "seq 500 >" in json.dumps(document)


@pytest.mark.parametrize("text", readme.blocks("toml"))
def test_settings_are_accepted(tmp_path, text):
    file = tmp_path / "config.toml"
    file.write_text(text)
    assert load_settings(str(file)).limits()["shell"] == 8


@pytest.mark.parametrize("text", readme.blocks("python"))
def test_python_is_python(text):
    compile(text, "README.md", "exec")


def test_the_table_of_verbs():
    verbs = [row[0].strip("`") for row in readme.table("verb")]
    assert verbs == [*app.VERBS, *app.MOUNTED]
    told = readme.table("verb")[-1][1]
    assert all(f"`{verb}`" in told for verb in STRESS_VERBS)


def test_the_table_of_exit_codes():
    told = {int(code) for row in readme.table("exit code") for code in row[0].split(",")}
    known = {value for name, value in vars(faults).items() if name.isupper() and isinstance(value, int)}
    assert told == known


def typed():
    """Every command line of ours in the README, without its comment."""
    lines = [line[2:] for text in readme.blocks("console") for line in text.splitlines() if line.startswith("$ orch-")]
    return [shlex.split(line, comments=True) for line in lines]


@pytest.mark.parametrize("words", typed(), ids=" ".join)
def test_options_exist(words, capsys):
    before = words[1 : words.index("--")] if "--" in words else words[1:]
    assert app.run_typer([before[0], "--help"]) == 0
    known = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", capsys.readouterr().out))
    assert {word for word in before if word.startswith("-")} <= known


def test_the_two_commands_stand_alone():
    lines = readme.TEXT.splitlines()
    for part in ("stress run pilot", "pytest"):
        assert len([line for line in lines if line.startswith("python3 ") and part in line]) == 1
