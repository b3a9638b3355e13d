"""What an attempt is told of the artifacts of those before it."""

from core_world import World, task

from orch_actors.actors.attempts import launching
from orch_actors.actors.attempts.launching import artifacts_before
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
