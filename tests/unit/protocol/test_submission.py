"""What a submission is made of, and what of the environment it may carry."""

import os

import pytest

from orch_actors.protocol.environment import allowed, allowed_variables
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.submission import addition, submission

DOCUMENT = {"name": "n", "tasks": [{"id": "a", "command": "true"}]}


def made(graph=DOCUMENT, **more):
    return submission(graph, **{"key": None, "base_dir": "/b", "environment": {}, "dry_run": False, **more})


@pytest.mark.parametrize("name", ["PATH", "HOME", "LANG", "LC_ALL", "LC_TIME", "TZ", "USER", "VIRTUAL_ENV", "TMPDIR"])
def test_allowed(name):
    assert allowed(name)


@pytest.mark.parametrize(
    "name", ["CLAUDECODE", "AWS_SECRET_ACCESS_KEY", "path", "LC", "PYTHONPATH", "ORCH_ATTEMPT", ""]
)
def test_not_allowed(name):
    assert not allowed(name)


def test_variables_come_in_a_fixed_order():
    assert list(allowed_variables({"TZ": "b", "SECRET": "c", "HOME": "a"}).items()) == [("HOME", "a"), ("TZ", "b")]


def test_a_document_travels_as_it_is():
    request = made(key="k", dry_run=True)
    assert (request.graph, request.key, request.base_dir, request.dry_run) == (DOCUMENT, "k", "/b", True)


def test_given_variables_are_held_to_the_list_too():
    assert made(environment={"PATH": "/bin", "TOKEN": "secret"}).environment == {"PATH": "/bin"}


def test_variables_of_this_process_by_default(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TOKEN", "secret")
    environment = made(environment=None).environment
    assert environment["TZ"] == "UTC"
    assert "TOKEN" not in environment


def test_the_folder_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert made(base_dir=None).base_dir == os.path.realpath(tmp_path)
    assert made(base_dir="below").base_dir == os.path.join(os.path.realpath(tmp_path), "below")


def test_a_folder_that_is_gone_is_said_so(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(EnvironmentFault, match="does not exist any more"):
        made(base_dir=None)


def test_structs_become_a_document():
    from orch_actors.protocol import GraphSpec, ShellWork, TaskSpec
    from orch_actors.protocol.spec.document import to_document

    spec = GraphSpec(name="n", tasks=(TaskSpec(id="a", work=ShellWork(command="true")),))
    assert made(spec).graph == to_document(spec)


def test_tasks_to_add_are_documents(tmp_path, monkeypatch):
    from orch_actors.protocol import Dependency, ShellWork, TaskSpec

    monkeypatch.chdir(tmp_path)
    spec = TaskSpec(id="b", work=ShellWork(command="true"), depends_on=(Dependency(task="a", on="failed"),))
    request = addition("g1", [{"id": "a", "command": "true"}, spec], base_dir=None, if_version=2, dry_run=True)
    assert request.tasks == (
        {"id": "a", "command": "true"},
        {"id": "b", "worker": "shell", "command": "true", "depends_on": [{"task": "a", "on": "failed"}]},
    )
    assert (request.graph, request.if_version, request.dry_run) == ("g1", 2, True)
    assert request.base_dir == os.path.realpath(tmp_path)
