"""Callbacks and files of a graph document: what is refused, and where their paths lead."""

import pytest

from orch_actors.protocol.errors import Refused
from orch_actors.protocol.spec.document import to_document
from orch_actors.protocol.spec.parse import parse_graph


def graph(**fields):
    return {"name": "g", "tasks": [{"id": "a", "command": "true"}], **fields}


def refused(callback):
    with pytest.raises(Refused) as caught:
        parse_graph(graph(callbacks=[callback]), base_dir="/w")
    return [(problem.where, problem.message) for problem in caught.value.info.problems]


@pytest.mark.parametrize(
    ("callback", "place", "said"),
    [
        ({}, "", "no target: exactly one of command, url and append"),
        ({"command": "x", "append": "y"}, "", "command and append"),
        ({"command": []}, ".command", "is empty"),
        ({"command": "x", "on": []}, ".on", "never be told"),
        ({"command": "x", "on": ["graph_end"]}, ".on[0]", "did you mean `graph_ended`"),
        ({"command": "x", "timout": 3}, ".timout", "did you mean `timeout`"),
        ({"command": "x", "timeout": 0}, ".timeout", "too short"),
        ({"command": "x", "secret": {"env": "K"}}, ".secret", "no url"),
        ({"append": " "}, ".append", "is empty"),
        ({"append": "a\0b"}, ".append", "NUL"),
        ({"url": "ftp://h/x"}, ".url", "expected http://"),
        ({"url": "https://"}, ".url", "expected http://"),
        ({"url": "http://[::1"}, ".url", "expected http://"),
        ({"url": "https://h/a b"}, ".url", "expected http://"),
        ({"url": {"env": "K", "file": "f"}}, ".url", "says `env` and `file`"),
        ({"url": "https://h", "secret": "k3y"}, ".secret", "never the value itself"),
        ({"url": "https://h", "secret": {"env": "not a name"}}, ".secret.env", "NAME"),
        ({"url": "https://h", "secret": {"file": ""}}, ".secret.file", "is empty"),
        ({"url": "https://h", "secret": {"command": ""}}, ".secret.command", "is empty"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(callback, place, said):
    [(where, message)] = refused(callback)
    assert where == f"callbacks[0]{place}"
    assert said in message


def test_a_password_is_not_repeated():
    [(_, message)] = refused({"url": "https://me:hush@h/x"})
    assert "hush" not in message
    assert "refer to it" in message


@pytest.mark.parametrize(
    ("fields", "where"), [({"files": ""}, "files"), ({"callbacks": [{"append": "x"}] * 17}, "callbacks")]
)
def test_bounds(fields, where):
    with pytest.raises(Refused) as caught:
        parse_graph(graph(**fields), base_dir="/w")
    assert [problem.where for problem in caught.value.info.problems] == [where]


def test_paths_are_relative_to_the_graphs_folder_and_one_callback_may_stand_alone(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    callback = {"on": "task_failed", "url": {"file": "u"}, "secret": {"file": "~/k"}, "cwd": "sub"}
    spec = parse_graph(graph(callbacks=callback, files="box", cwd="here"), base_dir="/w")
    assert to_document(spec)["callbacks"] == [
        {
            "on": ["task_failed"],
            "url": {"file": "/w/here/sub/u"},
            "secret": {"file": "/home/me/k"},
            "cwd": "/w/here/sub",
        }
    ]
    assert spec.files == "/w/here/box"
    assert parse_graph(to_document(spec), base_dir="/", accepted=True) == spec
    assert parse_graph(to_document(spec), base_dir="/elsewhere") == spec
