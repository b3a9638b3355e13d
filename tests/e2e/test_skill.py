"""`skill`: it has the form that agents' programs ask for, what it says exists, and it is put where they look."""

import re
import shlex

import pytest
import yaml

from orch_actors.cli import app
from orch_actors.cli.skills import PLACES, skill_text
from orch_actors.protocol.spec.load import check_file


def parts():
    _, head, body = skill_text().split("---\n", 2)
    return yaml.safe_load(head), body


def test_its_form():
    head, body = parts()
    assert head["name"] == "orch-actors"
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", head["name"])
    assert 1 <= len(head["description"]) <= 1024
    assert set(head) <= {"name", "description", "license"}
    assert all(re.fullmatch(r"\w+: .*", line) for line in skill_text().split("---\n")[1].splitlines())  # one line each
    assert len(body.splitlines()) < 500


def commands():
    return [line.strip() for line in parts()[1].splitlines() if line.startswith("    orch-actors ")]


@pytest.mark.parametrize("line", commands())
def test_what_it_says_can_be_typed(line, capsys):
    words = shlex.split(line, comments=True)[1:]
    before = words[: words.index("--")] if "--" in words else words
    assert app.run_typer([before[0], "--help"]) == 0
    known = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", capsys.readouterr().out))
    assert {word for word in before if word.startswith("-")} <= known


def test_its_graph_is_accepted(tmp_path):
    text = parts()[1]
    graph = text[text.index("    name: release") :].split("\n\n")[0]
    file = tmp_path / "graph.yaml"
    file.write_text("\n".join(line[4:] for line in graph.splitlines()))
    assert len(check_file(str(file), {})[0]["tasks"]) == 3


@pytest.mark.parametrize("program", PLACES)
def test_it_is_put_where_they_look(cli, tmp_path, program):
    home = tmp_path / "home"
    env = {"cwd": tmp_path, "HOME": str(home)}
    cli("skill", "install", program, **env)
    cli("skill", "install", program, "--user", **env)
    at, of_user = PLACES[program]
    for path in (tmp_path / at, home / of_user.removeprefix("~/")):
        file = path / "orch-actors" / "SKILL.md"
        assert file.read_text() == skill_text()
        assert [one.name for one in file.parent.iterdir()] == ["SKILL.md"]
    assert "there already" in cli("skill", "install", program, **env).out
    file.write_text("mine")
    assert "--force" in cli("skill", "install", program, "--user", **env, code=100).err
    assert file.read_text() == "mine"
    assert cli("skill", "install", program, "--user", "--force", "--json", **env).json["changed"]
    assert file.read_text() == skill_text()


def test_shown_and_refused(cli):
    assert cli("skill", "show").out == skill_text()
    assert cli("skill", "show", "--json").json["text"] == skill_text()
    assert "claude, opencode, openclaw" in cli("skill", "install", "emacs", code=2).err
