"""What an attempt is told of those before it: their artifacts, their worktrees; and that its judge works in its own."""

import msgspec
import pytest
from core_world import World, task

from orch_actors.actors.attempts import launching
from orch_actors.actors.attempts.launching import artifacts_before, launch_of
from orch_actors.actors.attempts.references import MissingReference
from orch_actors.actors.worktrees import folder_within, worktree_of
from orch_actors.protocol.settings import Settings
from orch_actors.protocol.views import Artifact


def left(*names):
    return tuple(Artifact(path=f"/srv/{name}", sha256=64 * "0", size=3) for name in names)


def world_of(**artifacts):
    world = World()
    world.submit(*(task(name) for name in artifacts), task("last", *((name, "finished") for name in artifacts)))
    for name, files in artifacts.items():
        world.end(name, artifacts=files)
    return world


def test_by_task_and_only_where_there_are_some():
    world = world_of(a=left("x", "ä"), b=())
    told = {"path": "/srv/x", "sha256": 64 * "0", "size": 3, "source": ""}
    assert artifacts_before(world.get("last")) == {"tasks": {"a": [told, {**told, "path": "/srv/ä"}]}, "left_out": []}
    assert artifacts_before(world_of(a=()).get("last")) == {}
    assert artifacts_before(world.get("a")) == {}


def test_an_attempt_that_failed_leaves_none():
    world = World()
    world.submit(task("a"), task("last", ("a", "finished")))
    world.end("a", 3, artifacts=left("x"))
    assert world.get("a").attempts[-1].artifacts == ()
    assert artifacts_before(world.get("last")) == {}


def test_what_is_left_out_is_named(monkeypatch):
    monkeypatch.setattr(launching, "MAX_GIVEN_BYTES", 300)
    told = artifacts_before(world_of(a=left("x"), b=left("y", "z"), c=()).get("last"))
    assert list(told["tasks"]) == ["a"]
    assert told["left_out"] == ["b"]


def test_they_outlive_the_daemon():
    world = world_of(a=left("x"))
    for from_picture in (False, True):
        world.restart(from_picture=from_picture)
        assert world.get("a").attempts[-1].artifacts == left("x")


FOLDER = "/h/attempts/0123456789ab/g1"
JUDGE = {"worker": "shell", "command": "true", "criteria": ["good"]}


def launched(world, name):
    node = world.get(name)
    return launch_of(node, len(node.attempts), folder=FOLDER, environment={}, settings=Settings(), umask=None)


def test_a_worktree_follows_from_the_id_and_is_told_to_dependents_and_judges():
    world = World()
    say = {"W": "${tasks.a.worktree}", "B": "${tasks.a.branch}"}
    world.submit(task("a", worktree=True, judge=JUDGE), task("b", "a", env=say), task("c", worktree=True))
    own = launched(world, "a")
    assert (own.worktree, own.branch) == ("/h/worktrees/0123456789ab/g1/a", "orch/6789ab/g1/a")
    world.end("a")
    judge = launched(world, "a#judge-1")
    assert (judge.worktree, judge.branch) == (own.worktree, own.branch)
    verdict = {"verdict": "pass", "criteria": [{"id": "c1", "status": "met", "evidence": "e"}], "findings": []}
    world.end("a#judge-1", result=msgspec.Raw(msgspec.json.encode(verdict)))
    told = launched(world, "b")
    assert set(told.env.values()) == {own.worktree, own.branch}
    assert (told.worktree, told.branch) == ("", "")
    with pytest.raises(MissingReference, match="`b` has no worktree"):
        launching._left(world.get("b"), "b", "worktree", FOLDER)


def test_what_is_no_name_of_a_branch_is_none():
    assert worktree_of(FOLDER, "a.lock").branch == "orch/6789ab/g1/a.lock="
    assert worktree_of(FOLDER, "a.").path.endswith("/g1/a.=")


def test_the_folder_in_a_worktree(tmp_path):
    (tmp_path / "top/.git").mkdir(parents=True)
    (tmp_path / "top/sub/deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "top/sub")
    assert folder_within("/w", str(tmp_path / "top")) == "/w"
    assert folder_within("/w", str(tmp_path / "top/sub/deep")) == "/w/sub/deep"
    assert folder_within("/w", str(tmp_path / "link")) == "/w/sub"
    with pytest.raises(LookupError):
        folder_within("/w", str(tmp_path))
