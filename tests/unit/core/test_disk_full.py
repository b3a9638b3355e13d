"""No room on the disk: what runs goes on, nothing new starts, and no try is lost."""

from core_world import World, task

from orch_actors.actors.core import stimuli as s
from orch_actors.actors.views.why import explain

NO_ROOM = {"ending": "spawn", "exit_code": None, "cls": "disk_full", "message": "no space left"}


def test_nothing_starts_until_there_is_room():
    world = World({"shell": 1})
    world.submit(task("a"), task("b"), task("c", "a"))
    assert not world.do(s.DiskFilled()).facts
    world.end("a")
    assert world.states() == "a:done b:ready c:ready"
    assert not world.do(s.DiskFilled()).facts
    world.do(s.DiskFreed())
    assert world.states() == "a:done b:running c:ready"
    assert not world.do(s.DiskFreed()).facts


def test_an_attempt_that_found_no_room_is_no_try_and_says_that_the_disk_is_full():
    world = World({"shell": 2})
    world.submit(task("a"), task("b"))
    for number in (1, 2, 3):
        world.end("a", **NO_ROOM)
        assert world.states() == "a:ready b:running"
        assert world.state.full
        world.do(s.DiskFreed())
        assert len(world.get("a").attempts) == number + 1
    assert world.get("a").tries == 1
    world.end("a", 1)
    assert world.get("a").state == "failed"
    assert "after" not in world.get("a").reason  # one try


def test_tries_are_counted_without_those_that_never_began():
    world = World()
    world.submit(task("a", retry={"attempts": 2}))
    world.end("a", **NO_ROOM)
    world.do(s.DiskFreed())
    world.end("a", 1)
    assert world.get("a").state == "running"
    world.end("a", **NO_ROOM)
    world.do(s.DiskFreed())
    world.end("a", 1)
    node = world.get("a")
    assert (node.state, len(node.attempts), node.reason) == ("failed", 4, "exit code 1, after 2 attempts")
    world.do(s.RetryAsked(graph="g1", task="a"))
    assert node.tries == 1


def test_one_that_is_being_ended_is_ended_and_still_the_disk_is_full():
    world = World()
    world.submit(task("a"))
    world.do(s.CancelAsked(graph="g1", task="a", reason=""))
    world.end("a", **NO_ROOM)
    assert world.get("a").state == "cancelled"
    assert world.state.full


def test_what_never_began_may_still_be_changed():
    world = World()
    world.submit(task("a"))
    world.end("a", **NO_ROOM)
    world.do(s.UpdateAsked(graph="g1", task="a", set={"timeout": 9}, base_dir="/"))
    assert world.get("a").spec.timeout == 9


def test_a_restart_begins_without_it():
    """Whoever starts the machine looks at the disk itself."""
    world = World({"shell": 1})
    world.submit(task("a"))
    world.end("a", **NO_ROOM)
    world.restart()
    assert world.get("a").state == "running"


def test_it_is_the_reason():
    world = World({"shell": 1})
    world.submit(task("a"), task("b"))
    world.do(s.DiskFilled())
    sentence, reason, help_ = explain(world.state, world.get("b"))
    assert (sentence, reason) == ("waits: the disk is full", {"kind": "disk_full"})
    assert help_.startswith("orch-actors prune")
    world.do(s.DiskFreed())
    assert "free shell slot" in explain(world.state, world.get("b"))[0]
