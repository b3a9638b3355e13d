"""A script that a graph file names must be there when the file is checked."""

import json

import pytest

from orch_actors.protocol.errors import Refused
from orch_actors.protocol.spec.load import check_file


def write(folder, **fields):
    graph = {"name": "g", "tasks": [{"id": "a", "command": "true"}, {"id": "b", "worker": "python", **fields}]}
    file = folder / "g.json"
    file.write_text(json.dumps(graph, indent=1))
    return str(file)


def test_a_missing_script_is_refused_with_its_place(tmp_path):
    with pytest.raises(Refused) as raised:
        check_file(write(tmp_path, script="gone.py"))
    (problem,) = raised.value.info.problems
    assert problem.where == "tasks[1] (b).script"
    assert str(tmp_path / "gone.py") in problem.message
    assert problem.line > 0


def test_a_script_that_is_there_is_taken(tmp_path):
    (tmp_path / "here.py").write_text("")
    check_file(write(tmp_path, script="here.py"))


@pytest.mark.parametrize("fields", [{"script": "later.py", "depends_on": ["a"]}, {"script": "print('source')"}])
def test_what_may_still_be_written_or_is_source_is_taken(tmp_path, fields):
    check_file(write(tmp_path, **fields))
