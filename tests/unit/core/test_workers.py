"""Worker hosts come and go; a daemon begins a new life."""

from core_world import World, task

from orch_actors.actors.core import stimuli as s


def test_a_lost_host_takes_no_attempt_with_it():
    world = World()
    world.submit(task("a"), task("b", "a"))
    step = world.do(s.WorkerLost(worker="shell"))
    assert step.effects == (s.WakeWorker("shell"),)
    assert world.get("a").state == "running"
    step = world.do(s.WorkerReady(worker="shell"))
    assert step.effects == (s.AdoptAttempt("shell", "g1", "a", 1, stopping=False),)


def test_a_lost_host_is_called_for_when_there_is_work():
    world = World()
    assert not world.do(s.WorkerLost(worker="shell")).effects
    world.submit(task("a"))
    assert world.asked_for == {"shell": 1}


def test_nothing_starts_on_a_lost_host():
    world = World()
    world.submit(task("a"), task("b", "a"))
    world.do(s.WorkerLost(worker="shell"))
    world.end("a")  # found over by somebody who looked
    assert world.get("b").state == "ready"


def test_what_the_next_host_begins_has_a_timeout():
    """It is not found running, so nothing else tells when its time begins."""
    world = World()
    world.submit(task("a", timeout=60))
    world.restart(ready=False)
    assert not world.armed
    world.do(s.WorkerReady(worker="shell"))
    assert world.armed == {s.TimerKey("timeout", "g1", "a", 1): world.now + 60}


def test_without_a_host_nobody_says_that_time_is_over():
    """The attempt may be over already, in time; the next host will see."""
    world = World()
    world.submit(task("a", timeout=60))
    world.do(s.WorkerLost(worker="shell"))
    assert not world.armed
    assert not world.do(s.TimerFired(key=s.TimerKey("timeout", "g1", "a", 1))).facts  # it was on its way
    world.do(s.WorkerReady(worker="shell"))
    assert world.armed
    world.end("a")
    assert world.get("a").state == "done"


def test_what_was_being_ended_is_handed_over_so():
    world = World()
    world.submit(task("a"))
    world.do(s.CancelAsked(graph="g1", task="a", reason=""))
    world.restart(ready=False)
    step = world.do(s.WorkerReady(worker="shell"))
    assert step.effects == (s.AdoptAttempt("shell", "g1", "a", 1, stopping=True),)


def test_a_new_life_calls_for_the_hosts_it_needs():
    world = World()
    world.submit(task("a"), task("b", worker="python"))
    world.end("b")
    world.asked_for.clear()
    world.restart(ready=False)
    assert world.asked_for == {"shell": 1}


def test_a_host_of_a_type_that_nobody_configured_has_one_slot():
    world = World(ready=False)
    world.do(s.WorkerReady(worker="ray"))
    assert world.state.worker("ray").limit == 1


def test_limits_follow_the_configuration():
    world = World({"shell": 1})
    world.submit(task("a"), task("b"))
    world.do(s.WorkerTypesConfigured(limits={"shell": 2}))
    assert world.states() == "a:running b:running"


def test_resources_follow_the_configuration():
    world = World({"shell": 9})
    world.submit(task("a", resources={"gpu": 1}), task("b", resources={"gpu": 2}), task("c", resources={"mem": 1}))
    assert world.states() == "a:running b:ready c:running"
    world.resources = {"gpu": 3.0}
    world.do(s.WorkerTypesConfigured(limits={}, resources=world.resources))
    assert world.states() == "a:running b:running c:running"


def test_a_resource_that_is_gone_is_none_after_a_restart_too():
    world = World({"shell": 1})
    world.submit(task("run"), task("a", resources={"gpu": 1}), task("b"))
    world.resources = {"mem": 4.0}
    world.do(s.WorkerTypesConfigured(limits={}, resources=world.resources))
    world.restart()
    world.end("run")
    assert world.states() == "run:done a:ready b:running"


def test_who_asks_for_too_much_since_the_configuration_changed_keeps_nothing_from_others():
    world = World({"shell": 9})
    world.submit(
        task("run", resources={"mem": 1}), task("big", resources={"mem": 4}), task("small", resources={"mem": 1})
    )
    assert world.states() == "run:running big:ready small:ready"
    world.resources = {"mem": 2.0}
    world.do(s.WorkerTypesConfigured(limits={}, resources=world.resources))
    assert world.states() == "run:running big:ready small:running"


def test_what_a_lost_type_waited_for_is_free_for_others():
    world = World({"shell": 1, "python": 2})
    world.submit(task("hold", worker="python", resources={"mem": 3}))
    world.submit(task("big", resources={"mem": 4}), task("small", worker="python", resources={"mem": 1}))
    world.do(s.WorkerLost(worker="shell"))
    assert world.states("g2") == "big:ready small:running"


def test_nothing_starts_while_the_daemon_goes_down():
    world = World()
    world.submit(task("a"), task("b", "a"))
    world.do(s.Shutting())
    world.end("a")
    world.submit(task("c", worker="python"))
    assert (world.states(), world.states("g2")) == ("a:done b:ready", "c:ready")
    world.restart()
    assert (world.states(), world.states("g2")) == ("a:done b:running", "c:running")


def test_locks_exclude_each_other_over_graphs_and_types():
    world = World({"shell": 9, "python": 9})
    world.submit(task("a", exclusive=["deploy"]), task("b", exclusive=["deploy", "db"]))
    world.submit(task("c", exclusive=["db"], worker="python"), task("d", exclusive=["other"]))
    assert world.states() == "a:running b:ready"
    assert world.states("g2") == "c:running d:running"
    world.end("a")
    assert world.get("b").state == "ready"
    world.end("c", graph="g2")
    assert world.get("b").state == "running"


def test_priority_goes_first():
    world = World({"shell": 1})
    world.submit(task("run"), task("low", priority=-1), task("mid"), task("high", priority=5))
    order = []
    for _ in range(4):
        (node,) = world.flying
        order.append(node.id)
        world.end(node.id)
    assert order == ["high", "run", "mid", "low"]


def test_what_a_host_found_before_it_went_arms_nothing():
    """A long run of the state machine came upon it: the timer fired into the void, and the attempt had none."""
    world = World()
    world.submit(task("a", timeout=60))
    world.restart(ready=False)
    found = s.AttemptFound(graph="g1", task="a", attempt=1, pid=4, elapsed_s=10)
    step = world.do(found)
    assert not step.facts
    assert not step.effects
    world.do(s.WorkerReady(worker="shell"))
    world.do(found)
    assert world.armed == {s.TimerKey("timeout", "g1", "a", 1): world.now + 50}


def test_the_next_life_forgets_no_retry_and_hurries_none():
    world = World()
    world.submit(task("a", retry={"attempts": 2, "backoff": 50}))
    world.end("a", 1)
    due = world.armed[world.timer("retry")]
    world.now += 20
    world.restart()
    assert world.armed == {s.TimerKey("retry", "g1", "a", 2): due}
    world.fire(world.timer("retry"))
    assert world.get("a").state == "running"
