"""Who submits: names that are ids, the same wherever in a work tree one stands, different for different places."""

import os

import pytest

from orch_actors.protocol import submitter
from orch_actors.protocol.ids import is_id
from orch_actors.protocol.inbox import consumer_of

NAMES = ["x", "My Project", "ünïcode", "...", "-", "a" * 300, "a/b:c", " ", "A", "a.b"]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_an_id_and_a_client(name):
    for made in (submitter.of_session(name), submitter.of_folder("/" + name)):
        assert is_id(made)
        assert is_id(consumer_of(made))
        assert submitter.submitter_of(f"{made}:0") == made


def test_names_that_look_alike_are_told_apart():
    assert len({submitter.of_session(name) for name in NAMES}) == len(NAMES)
    assert submitter.of_session("nightly") == "nightly"
    assert submitter.of_folder("/a/x") != submitter.of_folder("/b/x")


def test_a_session_goes_before_the_folder(monkeypatch):
    monkeypatch.setenv("ORCH_ACTORS_SESSION", "nightly")
    assert submitter.submitter() == "nightly"
    assert submitter.new_client_id().startswith("nightly:")
    monkeypatch.setenv("ORCH_ACTORS_SESSION", "")
    assert submitter.submitter() == submitter.of_folder(submitter.project_folder())


def test_the_work_tree_counts_wherever_in_it_one_stands(tmp_path, monkeypatch):
    inner = tmp_path / "tree" / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert submitter.project_folder() == os.path.realpath(inner)
    (tmp_path / "tree" / ".git").mkdir()
    assert submitter.project_folder() == os.path.realpath(tmp_path / "tree")
    monkeypatch.setenv("HOME", str(tmp_path / "tree"))
    assert submitter.project_folder() == os.path.realpath(inner)


def test_a_folder_that_is_gone(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert submitter.project_folder() == "/"


def test_other_clients_name_nobody():
    assert submitter.submitter_of("py-1") == ""
    assert submitter.submitter_of("") == ""
