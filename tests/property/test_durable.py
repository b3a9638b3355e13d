"""The durable whole against a model: journal, history, answers, machine and supervisor on a disk that loses what was
not synced; clients that submit, repeat, edit, cancel and decide; kills, power cuts, compactions, restarts at any time.

What no start may lose is held by the Witness (stress/powercut/witness.py). The Model here says besides what clients may
rely on once they were answered: a simple account of what was accepted, in the order of the answers.

    pytest tests/property/test_durable.py                                                # some dozens of lives
    ORCH_EXAMPLES=3000 pytest tests/property/test_durable.py -o faulthandler_timeout=0   # the long run
"""

import os
import random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from loguru import logger

from orch_actors.actors.core import facts as f
from orch_actors.actors.core.table import GRAPH_TERMINAL
from orch_actors.protocol import codec, messages
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.stress.powercut.campaign import timers, views
from orch_actors.stress.powercut.clients import CHANGES, OPTIONS, Clients
from orch_actors.stress.powercut.disk import CrashDisk, PowerCut
from orch_actors.stress.powercut.life import Life
from orch_actors.stress.powercut.witness import Witness
from orch_actors.stress.powercut.world import SimulatedClock, World

EXAMPLES = int(os.environ.get("ORCH_EXAMPLES", "40"))

picks = st.integers(0, 30)
shapes = st.lists(st.tuples(st.sampled_from(({}, *OPTIONS)), st.none() | picks), min_size=1, max_size=4)


class Model(Witness):
    """A witness that also keeps account of what the accepted commands come to."""

    def __init__(self):
        super().__init__()
        #: Graph → its name; and the version that it has at least.
        self.graphs, self.versions = {}, {}
        #: Decision → what was chosen.
        self.decided = {}
        #: Graphs that start nothing; those that were ever over (with that, a pause is); worker types that take nothing.
        self.paused, self.over, self.stopped = set(), set(), set()
        #: Graph or worker type → its bound.
        self.limits = {}

    def replied(self, key, encoding, body):
        first = key in self.asked and not self.asked[key].reply
        super().replied(key, encoding, body)
        reply = codec.REPLY.decode(body)
        if first and reply.error is None:
            self.accepted(self.asked[key].request.do, reply.result)

    def published(self, told):
        super().published(told)
        self.over |= {one.fact.graph for one in told if isinstance(one.fact, f.GraphEnded)}

    def _look_at_fact(self, fact):
        super()._look_at_fact(fact)
        if isinstance(fact, f.GraphEnded):
            self.over.add(fact.graph)

    def accepted(self, do, result):
        """What a client may rely on from now on."""
        match do:
            case messages.SubmitGraph():
                self.graphs[result.graph] = result.name
            case messages.Pause(graph=None, worker=worker):
                self.stopped.add(worker)
            case messages.Resume(graph=None, worker=worker):
                self.stopped.discard(worker)
            case messages.Pause():
                self.paused.add(result.graph)
            case messages.Resume():
                self.paused.discard(result.graph)
            case messages.SetLimit(graph=graph, worker=worker, parallel=parallel):
                self.limits[worker if graph is None else result.graph] = parallel
            case messages.Decide(ref=ref, choice=choice):
                self.decided[ref] = choice
            case messages.Prune():
                for graph in result.graphs:
                    self.graphs.pop(graph, None)
                    self.versions.pop(graph, None)
                    self.limits.pop(graph, None)
        if isinstance(result, messages.Edited) and result.graph:
            self.versions[result.graph] = result.version

    def hold(self, state):
        """Hold it against the daemon's state."""
        for graph, name in self.graphs.items():
            found = state.graphs[graph]
            assert found.spec.name == name
            assert found.version >= self.versions.get(graph, 0)
            assert graph not in self.paused - self.over or found.state == "paused" or found.cancelling
            assert found.parallel == self.limits.get(graph, found.spec.limits.parallel)
        for ref, choice in self.decided.items():
            assert ref not in state.decisions or state.decisions[ref].choice == choice
        for worker, record in state.workers.items():
            assert record.paused == (worker in self.stopped), worker
            assert record.override == self.limits.get(worker)


class Durable(RuleBasedStateMachine):
    """Rules put messages together; `deliver` hands them over as one batch; what was not delivered dies with a life."""

    @initialize(seed=st.integers(0, 2**32), segment_bytes=st.sampled_from([1, 1500, 6000, 10**9]), shape=shapes)
    def begin(self, seed, segment_bytes, shape):
        logger.disable("orch_actors")
        rng = random.Random(seed)
        self.clock, self.model, self.segment_bytes = SimulatedClock(), Model(), segment_bytes
        self.disk = CrashDisk(random.Random(seed))
        self.world = World(rng, self.clock, self.model)
        self.clients = Clients(rng, self.clock, self.model)
        self.batch, self.names = [], 0
        self.life = None
        self.start()
        self.submit(shape, False)
        self.deliver()

    # --- lives ----------------------------------------------------------------------------------------------------

    def start(self):
        """The next life; where it does not get so far, the one after it. Then clients settle what has no answer."""
        while self.life is None:
            if self.lives(self.open):
                self.lives(lambda: self.life.deliver([self.clients.again(asked) for asked in self.unanswered()]))
        assert not self.model.waiting
        self.model.hold(self.life.state)

    def open(self):
        self.life = Life(self.disk, self.model, self.world, self.clock, self.segment_bytes)

    def unanswered(self):
        return [self.model.asked[key] for key in self.model.waiting]

    def lives(self, act):
        """Whether a life lives on after this."""
        failed = self.disk.failed_syncs
        try:
            act()
        except PowerCut:
            self.power_gone()
        except EnvironmentFault:
            assert self.disk.failed_syncs > failed, "no disk has failed"
            self.daemon_gone()
        return self.life is not None

    def power_gone(self):
        self.life, self.batch = None, []
        self.disk.restart()
        self.world.power_gone()

    def daemon_gone(self):
        self.life, self.batch = None, []
        self.disk.kill()
        self.world.daemon_gone()

    @rule()
    def deliver(self):
        batch, self.batch = self.batch, []
        if not self.lives(lambda: self.life.deliver(batch)):
            self.start()
        self.model.hold(self.life.state)

    @rule(at=st.integers(0, 12))
    def power_goes_soon(self, at):
        """In one of the next operations: of a batch, of a new segment, or of the next start."""
        self.disk.cut_in = at

    @rule(at=st.integers(0, 3))
    def a_sync_fails_soon(self, at):
        self.disk.fail_sync_in = at

    @rule()
    def power_goes(self):
        self.power_gone()
        self.start()

    @rule(in_order=st.booleans())
    def restart(self, in_order):
        """Nothing happens in between: all is as it was, and what is to happen later is due when it was."""
        self.deliver()
        left = views(self.life), timers(self.world)
        self.disk.cut_in = self.disk.fail_sync_in = None
        if in_order:
            self.life.stop()
        self.daemon_gone()
        self.open()
        graphs, due = left
        assert views(self.life) == graphs
        now = timers(self.world)
        assert now.keys() == due.keys()
        assert all(abs(now[key] - due[key]) < 0.01 for key in due)

    @rule(asked=st.booleans(), remove=st.booleans())
    def compact(self, asked, remove):
        """The compactor takes in what is closed; what neither a start nor a reader needs may go."""

        def act():
            if asked:
                self.life.ask_to_compact()
            self.life.compact()
            if remove:
                self.life.remove()

        if not self.lives(act):
            self.start()
        self.model.hold(self.life.state)

    # --- what happens ---------------------------------------------------------------------------------------------

    @rule(count=st.integers(1, 4))
    def world_goes_on(self, count):
        self.batch += [news for _ in range(count) if (news := self.world.news()) is not None]

    def ask(self, do):
        self.batch.append(self.clients.send(self.clients.request(do)))

    def some(self, among, pick):
        among = list(among)
        return among[pick % len(among)] if among else None

    def node(self, pick, *states):
        tasks = [node for graph in self.life.state.graphs.values() for node in graph.tasks.values()]
        return self.some([node for node in tasks if node.state in states] or tasks, pick)

    def documents(self, shape, first=0, known=()):
        made = []
        for number, (carried, after) in enumerate(shape, start=first):
            document = {"id": f"t{number}", "command": "true", **carried}
            names = [*known, *(one["id"] for one in made)]
            if after is not None and names:
                document["depends_on"] = [{"task": names[after % len(names)], "on": "finished"}]
            made.append(document)
        return made

    @rule(shape=shapes, keyed=st.booleans())
    def submit(self, shape, keyed):
        self.names += 1
        graph = {"name": f"n{self.names}", "tasks": self.documents(shape)}
        self.ask(messages.SubmitGraph(graph=graph, key=f"k{self.names}" if keyed else None))

    @precondition(lambda self: self.model.asked)
    @rule(pick=picks, times=st.integers(1, 3))
    def repeat(self, pick, times):
        asked = self.some(self.model.asked.values(), pick)
        self.batch += [self.clients.again(asked) for _ in range(times)]

    @rule(pick=picks, whole=st.booleans())
    def cancel(self, pick, whole):
        if node := self.node(pick, "running", "ready", "pending", "blocked"):
            self.ask(messages.Cancel(graph=node.graph.id, task=None if whole else node.id))

    @rule(pick=picks, change=st.sampled_from(CHANGES))
    def update(self, pick, change):
        if node := self.node(pick, "pending", "ready", "blocked"):
            self.ask(messages.UpdateTask(graph=node.graph.id, task=node.id, set=change))

    @rule(pick=picks, all_of_it=st.booleans())
    def retry(self, pick, all_of_it):
        if node := self.node(pick, "failed", "cancelled", "done"):
            self.ask(messages.RetryTasks(graph=node.graph.id, task=None if all_of_it else node.id))

    @rule(pick=picks, shape=shapes)
    def add(self, pick, shape):
        graph = self.some(self.life.state.graphs.values(), pick)
        if graph is not None and len(graph.tasks) < 10:
            known = tuple(graph.tasks)
            self.ask(messages.AddTasks(graph=graph.id, tasks=tuple(self.documents(shape, len(known), known))))

    @precondition(lambda self: any(self.life.state.open_decisions()))
    @rule(pick=picks, choice=picks)
    def decide(self, pick, choice):
        decision = self.some(self.life.state.open_decisions(), pick)
        self.ask(messages.Decide(ref=decision.ref, choice=self.some(decision.options, choice)))

    @rule(pick=picks, which=st.sampled_from(["pause", "resume"]), worker=st.booleans())
    def pause(self, pick, which, worker):
        graph = self.some(self.life.state.graphs, pick)
        to = messages.Pause if which == "pause" else messages.Resume
        if worker or graph is None:
            self.ask(to(worker=("shell", "python")[pick % 2]))
        else:
            self.ask(to(graph=graph))

    @rule(pick=picks, parallel=st.sampled_from([None, 1, 2]), worker=st.booleans())
    def limit(self, pick, parallel, worker):
        graph = self.some(self.life.state.graphs, pick)
        if worker or graph is None:
            self.ask(messages.SetLimit(worker="shell", parallel=parallel))
        else:
            self.ask(messages.SetLimit(graph=graph, parallel=parallel))

    @rule(keep=st.integers(0, 2))
    def prune(self, keep):
        self.ask(messages.Prune(keep=keep))

    # --- the end --------------------------------------------------------------------------------------------------

    def teardown(self):
        if self.life is None:
            return
        self.power_goes()
        self.life.deliver(self.clients.everything_again())
        assert not self.model.waiting
        self.model.hold(self.life.state)
        self.answer_everything()
        self.restart(True)
        logger.enable("orch_actors")

    def answer_everything(self):
        """The world answers until nothing is left to answer: then every graph is over."""
        for worker in list(self.model.stopped):
            self.ask(messages.Resume(worker=worker))
        for graph in self.life.state.graphs.values():
            if graph.state == "paused":
                self.ask(messages.Resume(graph=graph.id))
        self.deliver()
        for _ in range(3000):
            open_graphs = [graph for graph in self.life.state.graphs.values() if graph.state not in GRAPH_TERMINAL]
            if not open_graphs:
                return
            for decision in list(self.life.state.open_decisions()):
                self.ask(messages.Decide(ref=decision.ref, choice=decision.default))
            self.world_goes_on(3)
            self.deliver()
        raise AssertionError(f"they do not end: {[graph.id for graph in open_graphs]}")


Durable.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    report_multiple_bugs=False,
)
TestDurable = Durable.TestCase
