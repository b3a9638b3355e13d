"""Everything around a Machine, for its tests: a journal of bytes, timers, hosts; and what must hold after every step.

A World performs the effects as the shell around the machine would, but at once and in memory. It takes nothing on
trust: whatever can be said about a step without knowing how the machine decides is asserted after each.
"""

import dataclasses
from collections import Counter
from math import inf

import msgspec
from journal_lines import Pages
from msgspec import Raw, Struct

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers.reading import serves
from orch_actors.actors.core.image import Piece
from orch_actors.actors.core.machine import Machine
from orch_actors.actors.core.nodes import (
    NO_TRIES,
    Attempt,
    Consumer,
    Decision,
    Graph,
    Quarantined,
    Spent,
    Task,
    WorkerType,
)
from orch_actors.actors.core.picture import pictured
from orch_actors.actors.core.restoring import Restoring
from orch_actors.actors.core.selfcheck import broken_invariants, goes_on_alone
from orch_actors.actors.core.table import GRAPH_TERMINAL, TERMINAL
from orch_actors.actors.recovery.history import OutcomeLine, decode_outcome, encode, numbered
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.hostwire import Question
from orch_actors.protocol.spec.document import task_to_document
from orch_actors.protocol.spec.failures import FINAL_FAILURES
from orch_actors.protocol.spec.parse import parse_graph

#: Worker type → the least that its tasks say, where that is not a command.
WORK = {"python": {"call": "a:b"}, "claude": {"prompt": "do it"}}

NOON = 1_800_000_000.0
LIMITS = {"shell": 2, "python": 1}
RESOURCES = {"gpu": 2.0, "mem": 4.0}


def task(name, *after, **options):
    """A task document; `after` are ids, or (id, condition)."""
    document = {"id": name, **options}
    document.update(WORK.get(options.get("worker"), {"command": "true"}))
    if after:
        document["depends_on"] = [
            dependency if isinstance(dependency, str) else {"task": dependency[0], "on": dependency[1]}
            for dependency in after
        ]
    return document


def offer(*tasks, name="g", key=None, dry_run=False, parent="", **top):
    """A graph to be submitted, of task documents."""
    document = {"name": name, "tasks": list(tasks), **top}
    return s.GraphOffered(
        spec=parse_graph(document, base_dir="/"),
        digest=repr(document),
        client="c",
        key=key,
        dry_run=dry_run,
        parent=parent,
    )


class Ledger:
    """What was spent, added up from the facts alone; and that nothing was started whose budget was used up by then."""

    def __init__(self):
        #: Graph, or (graph, task) → [tries, dollars, tokens, seconds].
        self.spent = {}
        #: Graphs in which facts made no sense.
        self.spoilt = set()

    def take(self, fact, state):
        match fact:
            case f.AttemptStarting():
                self.assert_left(fact, state)
                self.add(fact, 1)
            case f.AttemptEnded(usage=usage):
                tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0) if usage else 0
                dollars = (usage.cost_usd or 0) if usage else 0
                self.add(fact, -1 if fact.cls in NO_TRIES else 0, dollars, tokens, fact.duration_s)
            case f.TaskQuarantined():
                self.spoilt.add(fact.graph)

    def add(self, fact, *amounts):
        for key in (fact.graph, (fact.graph, fact.task.partition("#")[0])):
            spent = self.spent.setdefault(key, [0, 0, 0, 0])
            for at, amount in enumerate(amounts):
                spent[at] += amount

    def assert_left(self, fact, state):
        graph = state.graphs.get(fact.graph)
        if fact.graph in self.spoilt or graph is None:
            return
        owner = fact.task.partition("#")[0]
        agent = graph.tasks[fact.task].worker == "claude"
        for key, budget in ((fact.graph, graph.budget), ((fact.graph, owner), graph.tasks[owner].spec.budget)):
            bounds = (budget.attempts, budget.usd if agent else None, budget.tokens if agent else None, budget.wall)
            for bound, spent in zip(bounds, self.spent.get(key, [0, 0, 0, 0]), strict=True):
                assert bound is None or spent < bound - 1e-9, f"{fact.task} was started beyond the budget of {key}"


class World:
    """One machine with all that surrounds it. Invariant: after every `tell`, `check` has passed."""

    def __init__(self, limits=LIMITS, resources=RESOURCES, *, ready=True):
        self.limits, self.resources = dict(limits), dict(resources)
        self.types = dict(limits)
        self.now = NOON
        #: The journal: outcome lines as bytes.
        self.journal = []
        #: Number of the newest event.
        self.head = 0
        #: Timer → when it is due.
        self.armed = {}
        #: Timers that were armed once and are not any more.
        self.stale = []
        #: Attempts that were ever started.
        self.started = set()
        #: Attempts of which the host that runs now has heard, and so has their timeout watched.
        self.watched = set()
        self.asked_for = Counter()
        self.ledger = Ledger()
        self.recovering = False
        self.machine = Machine(boot="b1")
        self.tell(s.WorkerTypesConfigured(limits=self.limits, resources=self.resources))
        self.tell(s.Recovered())
        if ready:
            for worker in self.limits:
                self.tell(s.WorkerReady(worker=worker))

    # --- what there is --------------------------------------------------------------------------------------------

    @property
    def state(self):
        return self.machine.state

    @property
    def graphs(self):
        return list(self.state.graphs.values())

    @property
    def tasks(self):
        return [node for graph in self.graphs for node in graph.tasks.values()]

    @property
    def flying(self):
        """Tasks with an attempt that runs."""
        return [node for node in self.tasks if node.attempts and node.attempts[-1].ended_utc is None]

    @property
    def decisions(self):
        """Open ones."""
        subjects = [*self.tasks, *self.state.workers.values()]
        return [subject.decision for subject in subjects if subject.decision is not None]

    def get(self, name, graph="g1"):
        return self.state.graphs[graph].tasks[name]

    def states(self, graph="g1"):
        """`a:done b:ready …`, in the order of the graph."""
        return " ".join(f"{node.id}:{node.state}" for node in self.state.graphs[graph].tasks.values())

    # --- what happens ---------------------------------------------------------------------------------------------

    def tell(self, stimulus):
        """Handle, journal, perform, check. A refusal is given back; it must have changed nothing."""
        before = dump(self.state)
        if isinstance(stimulus, s.TimerFired):
            self.armed.pop(stimulus.key, None)
        try:
            step = self.machine.handle(stimulus, self.now)
        except Refused as refused:
            assert dump(self.state) == before, "a refusal changed something"
            return refused
        if step.facts:
            line = OutcomeLine(of=None, at=self.now, e=self.head + 1, facts=step.facts)
            self.journal.append(encode(line))
            self.head += len(list(numbered(line)))
            for fact in step.facts:
                self.ledger.take(fact, self.state)
        for effect in step.effects:
            self.perform(effect)
        self.check(before, stimulus, step)
        return step

    def do(self, stimulus):
        """`tell`, for what must not be refused."""
        step = self.tell(stimulus)
        assert not isinstance(step, Refused), step.info
        return step

    def submit(self, *tasks, **top):
        """Submit a graph of task documents; returns its id."""
        return self.do(offer(*tasks, **top)).answer.graph

    def end(self, name, code=0, graph="g1", **news):
        """The running attempt of a task is over."""
        number = len(self.get(name, graph).attempts)
        return self.do(over(graph, name, number, code, **news))

    def fire(self, key):
        """An armed timer is due; time has gone on until then."""
        self.now = max(self.now, self.armed[key])
        return self.do(s.TimerFired(key=key))

    def timer(self, kind):
        """The one armed timer of a kind."""
        (key,) = [key for key in self.armed if key.kind == kind]
        return key

    def decide(self, ref, choice, note=""):
        return self.tell(s.DecisionMade(ref=ref, choice=choice, note=note, by="me"))

    def restart(self, *, ready=True, from_picture=False):
        """The daemon is gone, and the next one reads the journal, or a snapshot; returns the machine that is gone."""
        gone, before, armed = self.machine, dump(self.state), dict(self.armed)
        self.machine = replayed(self.journal)
        assert dump(self.state) == before, "replay differs from live"
        skimmed = replayed(self.journal, skipping=True)
        assert dump(skimmed.state) == before, "what is passed over is missed"
        assert not broken_invariants(skimmed.state)
        seen = restored(gone.state)
        assert dump(seen.state) == before, "what a snapshot keeps differs from live"
        assert not broken_invariants(seen.state)
        if from_picture:  # and from there it goes on
            self.machine = seen
        numbers = [told.seq for line in self.journal for told in numbered(decode_outcome(line))]
        assert numbers == list(range(1, self.head + 1)), "the numbers of events have holes"
        self.armed.clear()
        self.watched.clear()
        self.recovering = True
        self.do(s.WorkerTypesConfigured(limits=self.limits, resources=self.resources))
        self.recovering = False
        self.do(s.Recovered())
        expected = {key: max(due, self.now) for key, due in armed.items() if key.kind != "timeout"}
        assert self.armed.keys() == expected.keys(), "a restart forgot a timer, or made one up"
        for key, due in expected.items():
            assert abs(max(self.armed[key], self.now) - due) < 0.01, f"a restart moved {key}"
        if ready:
            for worker in self.limits:
                self.do(s.WorkerReady(worker=worker))
        return gone

    def spoil(self, *facts, ready=True):
        """The journal has these facts, too, which nobody decided, and the next life has begun; who is in quarantine."""
        line = OutcomeLine(of=None, at=self.now, e=self.head + 1, facts=facts)
        self.journal.append(encode(line))
        self.head += len(list(numbered(line)))
        self.machine = replayed(self.journal)
        found = list(self.state.quarantine)
        self.armed.clear()
        self.watched.clear()
        self.recovering = True
        self.do(s.WorkerTypesConfigured(limits=self.limits, resources=self.resources))
        self.recovering = False
        self.do(s.Recovered())
        for worker in self.limits if ready else ():
            self.do(s.WorkerReady(worker=worker))
        return found

    def perform(self, effect):
        match effect:
            case s.StartAttempt(worker, graph, name, number):
                assert (graph, name, number) not in self.started, "an attempt was started twice"
                self.started.add((graph, name, number))
                self.watched.add((graph, name, number))
                self.assert_runs(worker, graph, name, number)
            case s.AdoptAttempt(worker, graph, name, number, stopping):
                self.assert_runs(worker, graph, name, number)
                self.watched.add((graph, name, number))
                assert stopping == (self.get(name, graph).attempts[-1].stopping is not None)
            case s.StopAttempt(worker, graph, name, number):
                self.assert_runs(worker, graph, name, number)
            case s.ArmTimer(key, delay_s):
                assert delay_s >= 0, "a timer in the past"
                self.armed[key] = self.now + delay_s
            case s.DisarmTimer(key):
                if self.armed.pop(key, None) is not None:
                    self.stale = [*self.stale[-20:], key]
            case s.ForgetGraph(graph):
                assert graph not in self.state.graphs
            case s.WakeWorker(worker):
                assert not self.state.workers[worker].parked
                self.asked_for[worker] += 1
            case s.ReleaseWorker(worker):
                assert not self.state.workers[worker].parked
            case s.WakeCourier():
                assert serves(self.state)
            case _:
                raise AssertionError(f"an unknown effect: {effect}")

    def assert_runs(self, worker, graph, name, number):
        node = self.get(name, graph)
        assert (node.worker, node.state, node.attempts[-1].number) == (worker, "running", number)

    # --- what must hold -------------------------------------------------------------------------------------------

    def check(self, before, stimulus, step):
        """Everything that can be said about a step without knowing how it was decided."""
        if self.state.quarantine:
            return  # a life that has not begun yet
        assert broken_invariants(self.state) == []
        if isinstance(stimulus, s.AttemptFound):
            node = self.state.find(stimulus.graph, stimulus.task)
            if node is not None and self.state.worker(node.worker).ready:  # a host that has gone watches nothing
                self.watched.add((stimulus.graph, stimulus.task, stimulus.attempt))
        if isinstance(stimulus, s.WorkerLost):
            flying = [node for node in self.flying if node.worker == stimulus.worker]
            self.watched -= {(node.graph.id, node.id, len(node.attempts)) for node in flying}
        if getattr(stimulus, "dry_run", False):
            assert not step.facts
            assert not step.effects
        self.check_terminal(before, step)
        self.check_policies(before, step)
        self.check_starts(step)
        self.check_nothing_left_over()
        if not self.recovering:
            self.check_timers()
        if isinstance(stimulus, s.DecisionMade):
            self.check_decision(before, stimulus, step)

    def check_terminal(self, before, step):
        """A terminal state is final, but for a revival."""
        kinds = (f.TaskRevived, f.TaskQuarantined)
        revived = {(fact.graph, fact.task) for fact in step.facts if isinstance(fact, kinds)}
        forgotten = {fact.graph for fact in step.facts if isinstance(fact, f.GraphForgotten)}
        kept = ("state", "cls", "reason", "forgiven", "attempts")
        for graph, was in before["graphs"].items():
            if graph in forgotten:
                assert was["state"] in GRAPH_TERMINAL
                continue
            now = self.state.graphs[graph].tasks
            for name, old in was["tasks"].items():
                if old["state"] in TERMINAL and (graph, name) not in revived:
                    new = plain(now[name])
                    assert {key: old[key] for key in kept} == {key: new[key] for key in kept}

    def check_policies(self, before, step):
        """What a task's options and its past say about the facts that may come."""
        unknown = {
            (fact.graph, fact.task): self.get(fact.task, fact.graph).spec.on_unknown
            for fact in step.facts
            if isinstance(fact, f.AttemptEnded) and fact.cls == "unknown"
        }
        ends = (f.TaskEnded, f.TaskQuarantined)
        ended = {(fact.graph, fact.task) for fact in step.facts if isinstance(fact, ends)}
        for fact in step.facts:
            match fact:
                case f.RetryScheduled():
                    node = self.get(fact.task, fact.graph)
                    retry, last = node.spec.retry, node.attempts[fact.attempt - 2]
                    earlier = node.attempts[node.tries_before : fact.attempt - 1]
                    tried = [attempt for attempt in earlier if attempt.cls not in NO_TRIES]
                    assert len(tried) < retry.attempts
                    cls = "judge" if last.cls is None and (last.verdict or {}).get("outcome") == "fail" else last.cls
                    assert not retry.on or cls in retry.on
                    assert last.cls != "exit" or not retry.exit_codes or last.exit_code in retry.exit_codes
                    assert cls not in (None, *FINAL_FAILURES)
                case f.TaskReady() if (fact.graph, fact.task) in unknown:
                    assert unknown[fact.graph, fact.task] == "rerun", "an unknown attempt was repeated in silence"
                case f.GraphSubmitted() | f.TasksAdded():
                    for node in self.state.graphs[fact.graph].tasks.values():
                        assert isinstance(fact, f.TasksAdded) or self.can_be_had(node)
                case f.TaskUpdated():
                    node, was = self.get(fact.task, fact.graph), before["graphs"][fact.graph]["tasks"][fact.task]
                    began = [
                        attempt for attempt in was["attempts"][was["tries_before"] :] if attempt["cls"] not in NO_TRIES
                    ]
                    alike = {**task_to_document(was["spec"]), "budget": None} == {**fact.document, "budget": None}
                    assert was["state"] in TERMINAL or not began or alike, "it had started"
                    assert self.can_be_had(node)
                case _:
                    pass
        for ref, decision in self.state.decisions.items():
            if decision.choice is None and not decision.open and ref in before["open"]:
                assert (decision.subject.graph.id, decision.subject.id) in ended, f"{ref} was forgotten"

    def can_be_had(self, node):
        return all(amount <= self.resources.get(name, 0) for name, amount in node.spec.resources.items())

    def check_starts(self, step):
        """Who was started in this step, was allowed to; no bound is broken by it."""
        started = [fact for fact in step.facts if isinstance(fact, f.AttemptStarting)]
        assert sum(isinstance(effect, s.StartAttempt) for effect in step.effects) == len(started)
        used, slots = self.claimed(), Counter(node.worker for node in self.flying)
        assert not started or not self.state.full
        for fact in started:
            later = step.facts[step.facts.index(fact) + 1 :]
            node = self.get(fact.task, fact.graph)
            worker = self.state.workers[node.worker]
            assert worker.ready
            assert not worker.paused
            assert not worker.parked
            assert node.graph.state == "running"
            cancelling = [other.graph for other in later if isinstance(other, f.GraphCancelling)]
            assert not node.graph.cancelling or fact.graph in cancelling  # by what came of the same stimulus, after it
            assert not node.unmet or goes_on_alone(node)
            assert slots[node.worker] <= worker.limit
            for name, amount in self.claims(node).items():
                assert used[name] <= amount[1] + 1e-9, f"{name} is overbooked by {node.ref}"

    def claims(self, node):
        """Capacity → (what the task takes of it, what there is), worked out from its options alone."""
        found = {f"graph {node.graph.id}": (1, inf if node.graph.parallel is None else node.graph.parallel)}
        if node.graph.state == "paused":
            found[f"graph {node.graph.id}"] = (1, 0)
        for name, amount in node.spec.resources.items():
            found[f"resource {name}"] = (amount, self.resources.get(name, 0))
        for name in node.spec.exclusive:
            found[f"lock {name}"] = (1, 1)
        return {**found, **self.kept(node)}

    def kept(self, node):
        """What it keeps of its graph's dollars and tokens: its own bound, or all that is left where that is less."""
        graph, own = node.graph, (node.judged or node).spec.budget
        if node.worker != "claude":
            return {}
        _, usd, tokens, _ = self.ledger.spent.get(graph.id, [0, 0, 0, 0])
        if graph.id in self.ledger.spoilt:
            usd, tokens = graph.spent.usd, graph.spent.tokens
        found = {}
        for name, bounds, most, spent in (
            ("usd", [node.spec.work.budget_usd, own.usd], graph.budget.usd, usd),
            ("tokens", [own.tokens], graph.budget.tokens, tokens),
        ):
            own_bounds = [bound for bound in bounds if bound is not None]
            if own_bounds and most is not None:
                left = max(0, most - spent)
                found[f"{name} {graph.id}"] = (min(left, *own_bounds), left)
        return found

    def claimed(self):
        used = Counter()
        for node in self.flying:
            used.update({name: amount for name, (amount, _) in self.claims(node).items()})
        return used

    def check_nothing_left_over(self):
        """What could start, and stands in nobody's way, has been started."""
        used = self.claimed()
        workers = {name: worker for name, worker in self.state.workers.items() if worker.ready and not worker.paused}
        may = [
            node
            for node in self.tasks
            if node.state == "ready"
            and node.worker in workers
            and not self.state.closing
            and not self.state.full
            and all(amount <= total + 1e-9 for amount, total in self.claims(node).values())
        ]
        may.sort(key=lambda node: (-node.spec.priority, node.rank))
        seen = Counter()
        for node in may:
            claims = self.claims(node)
            fits = all(used[name] + amount <= total + 1e-9 for name, (amount, total) in claims.items())
            bounded = [name for name, (_, total) in claims.items() if total != inf]
            if workers[node.worker].running < workers[node.worker].limit and not any(seen[name] for name in bounded):
                assert not fits, f"{node.ref} could run and does not"
            seen.update(bounded)

    def check_timers(self):
        """Armed is what must be, at its time, and nothing that means nothing any more."""
        must, may = {}, set()
        for decision in self.decisions:
            if decision.deadline_s is not None:
                must[s.TimerKey("decision", ref=decision.ref)] = decision.asked_utc + decision.deadline_s
        for worker, record in self.state.workers.items():
            if record.paused_until_utc is not None:
                must[s.TimerKey("worker", ref=worker)] = record.paused_until_utc
        for graph in self.graphs:
            if graph.ended_utc is None and graph.spec.limits.wall is not None and not graph.cancelling:
                must[s.TimerKey("wall", graph.id)] = graph.wall_from_utc + graph.spec.limits.wall
        for node in self.tasks:
            if node.state not in TERMINAL:
                self.timers_of(node, must, may)
        armed = self.armed.keys()
        assert must.keys() <= armed, f"not armed: {must.keys() - armed}"
        assert armed <= may | must.keys(), f"armed for nothing: {armed - may - must.keys()}"
        for key, due in must.items():
            if due is not None:
                assert abs(max(self.armed[key], self.now) - max(due, self.now)) < 0.01, key

    def timers_of(self, node, must, may):
        graph, number = node.graph.id, len(node.attempts)
        stopping = node.attempts[-1].stopping if node.state == "running" else None
        if node.retry_at_utc is not None:
            must[s.TimerKey("retry", graph, node.id, number + 1)] = node.retry_at_utc
        watched = (graph, node.id, number) in self.watched
        wall = (node.judged or node).spec.budget.wall
        if node.state == "running" and (node.spec.timeout or wall) is not None and stopping is None:
            if watched:
                must[s.TimerKey("timeout", graph, node.id, number)] = None
            may.add(s.TimerKey("timeout", graph, node.id, number))
        timed = node.spec.deadline is not None and node.begun_utc is not None
        if timed and (stopping is None or stopping[0] not in ("deadline", "cancelled")):
            must[s.TimerKey("deadline", graph, node.id)] = node.begun_utc + node.spec.deadline

    def check_decision(self, before, stimulus, step):
        """It released its own task, or worker type, and no other."""
        graph = step.answer.graph
        if step.answer.worker:
            assert all(isinstance(fact, f.DecisionAnswered | f.WorkerUnparked) for fact in step.facts)
            assert {fact.worker for fact in step.facts} <= {step.answer.worker}
        else:
            assert not any(isinstance(fact, f.WorkerUnparked) for fact in step.facts)
        for name, was in before["graphs"].items():
            whole = any(isinstance(fact, f.GraphCancelling) and fact.graph == name for fact in step.facts)
            for other, old in was["tasks"].items():
                node = self.get(other, name)
                if old["decision"] is None or old["decision"] == stimulus.ref or whole:
                    continue
                if name == graph and other.startswith(f"{step.answer.task}#"):
                    continue  # a judge of this very decision: it has become pointless, and so has what it asks
                assert (node.state, node.decision.ref) == (old["state"], old["decision"])

    # --- the end --------------------------------------------------------------------------------------------------

    def answer_everything(self, code=0):
        """The world answers until nothing is left to answer: then every graph is over, and nothing waits."""
        self.do(s.DiskFreed())
        self.limits, self.resources = {**self.types, **LIMITS}, dict(RESOURCES)
        self.do(s.WorkerTypesConfigured(limits=self.limits, resources=self.resources))
        for worker, record in list(self.state.workers.items()):
            if record.paused or record.parked:
                self.do(s.ResumeAsked(graph=None, worker=worker))
            if not record.ready:
                self.do(s.WorkerReady(worker=worker))
        for graph in self.graphs:
            if graph.state == "paused" and not graph.cancelling:
                self.do(s.ResumeAsked(graph=graph.id, worker=None))
        for _ in range(2000):
            if not self.answer_once(code):
                break
        assert all(graph.state in GRAPH_TERMINAL for graph in self.graphs), [g.state for g in self.graphs]
        assert all(node.state in TERMINAL for node in self.tasks)
        assert not self.armed, f"armed for nothing: {self.armed}"
        assert not self.decisions
        assert not self.claimed()
        assert len(self.state.scheduler) == 0

    def answer_once(self, code):
        """One answer to everything that is open; whether there was anything."""
        flying, decisions = self.flying, self.decisions
        for node in flying:
            self.do(over(node.graph.id, node.id, len(node.attempts), code))
        for decision in decisions:
            if decision.open:
                choice = decision.options[int(decision.ref[1:]) % len(decision.options)]
                assert not isinstance(self.decide(decision.ref, choice), Refused)
        due = min(self.armed, key=lambda key: (self.armed[key], key), default=None)
        if due is not None and not flying:
            self.fire(due)
        return bool(flying or decisions or due)


def over(graph, name, number, code=0, **news):
    """An attempt is over; by default it exits with `code`."""
    news = {"ending": "exit", "exit_code": code, "duration_s": 1.0, **news}
    if isinstance(news.get("question"), str):
        news["question"] = Question(question=news["question"])
    return s.AttemptOver(graph=graph, task=name, attempt=number, **news)


def busy_life():
    """A world in which every kind of fact has come about."""
    world = World()
    world.submit(
        task("ask", approve=True),
        task("retry", retry={"attempts": 2, "backoff": 5}),
        task("after", "retry"),
        task("more", "after", priority=2),
        limits={"parallel": 3, "wall": 900},
        key="k",
    )
    world.decide("d1", "approve", "fine")
    world.do(s.AttemptFound(graph="g1", task="ask", attempt=1, pid=5, elapsed_s=1))
    world.do(s.AttemptProgressed(graph="g1", task="ask", attempt=1, text="half", percent=50.0))
    world.do(s.QuestionAsked(graph="g1", task="ask", question="q", options=("x",), default=None, deadline_s=9.0))
    world.end("ask")
    world.decide("d2", "x")
    world.end("retry", 1)
    world.fire(world.timer("retry"))
    world.end("retry", result=Raw(b"[1]"))
    world.do(s.WorkerLost(worker="shell"))
    world.end("ask", question=Question(question="again?"))
    world.do(s.UpdateAsked(graph="g1", task="more", set={"depends_on": None}, base_dir="/"))
    world.do(s.UpdateAsked(graph="g1", task="more", set={"depends_on": ["after"], "timeout": 4}, base_dir="/"))
    world.do(s.TasksOffered(graph="g1", tasks=(task("new", "more"),), base_dir="/"))
    world.do(s.PauseAsked(graph="g1", worker=None))
    world.do(s.ResumeAsked(graph="g1", worker=None))
    world.do(s.LimitAsked(graph="g1", worker=None, parallel=2))
    world.do(s.BudgetAsked(graph="g1", set={"usd": 5, "attempts": 90}))
    world.do(s.LimitAsked(graph=None, worker="shell", parallel=3))
    world.do(s.PauseAsked(graph=None, worker="python"))
    world.do(s.ResumeAsked(graph=None, worker="python"))
    world.do(s.WorkerReady(worker="shell"))
    world.do(s.CancelAsked(graph="g1", task=None, reason="stop"))
    world.end("after", ending="killed")
    world.do(s.RetryAsked(graph="g1", task="after"))
    world.submit(task("x"), parent=":g1/after/1")
    world.do(s.CancelAsked(graph="g2", task=None, reason=""))
    world.end("x", graph="g2", ending="killed")
    world.do(s.PruneAsked(graphs=("g2",), older_than_s=None, keep=None))
    for name in ("one", "two"):
        world.do(s.ConsumerWanted(consumer=name, since=3, kinds=("task_ended",), graphs=("g1",), oldest=1, head=9))
    world.do(s.EventsAcknowledged(consumer="one", seq=5, head=9))
    world.do(s.ConsumersUnwanted(consumers=("two",)))
    world.do(s.WorkerLost(worker="python", exhausted="died 6 times"))
    world.fire(world.timer("decision"))
    world.submit(task("quota"))
    world.end("quota", 1, graph="g3", cls="quota")
    world.fire(world.timer("worker"))
    world.end("quota", graph="g3")
    judged = world.submit(
        task("judged", judge={"worker": "shell", "command": "j", "criteria": ["good"], "on_error": "accept"})
    )
    world.end("judged", graph=judged)
    world.end("judged#judge-1", graph=judged)
    world.spoil(f.TaskReady(graph="g1", task="ask"))
    return world


def replayed(journal, *, skipping=False):
    """A fresh machine, to which a journal has been read; skipping what is forgotten further on, or nothing.

    Every other time the middle of it comes through a digest.
    """
    pages = Pages()
    for line in journal:
        pages.add("outcome", line)
    count = len(pages.lines)
    if skipping and count % 2:
        replay = pages.replay_digested(count // 3, count - count // 4)
    else:
        replay = pages.replay(foresee=skipping)
    replay.finish()
    return Machine(boot="b1", state=replay.state)


def pieces(state):
    """A picture of it, through the bytes that a snapshot holds."""
    return [decode_piece(msgspec.json.encode(piece)) for piece in pictured(state)]


def restored(state):
    """A fresh machine, into which a picture of a state was put."""
    machine = Machine(boot="b1")
    restoring = Restoring(machine.state)
    for piece in pieces(state):
        restoring.take(piece)
    restoring.finish()
    return machine


# --- the whole state as plain data ----------------------------------------------------------------------------------

decode_piece = msgspec.json.Decoder(Piece).decode

_FIELDS = {
    Attempt: Attempt.__struct_fields__,
    **{
        kind: [field.name for field in dataclasses.fields(kind)]
        for kind in (Graph, Task, Decision, Consumer, WorkerType, Quarantined)
    },
}
#: Not journalled.
_OF_THIS_LIFE = ("configured", "ready", "woken")


def dump(state):
    """Every field of everything that the journal holds, and the queue; what is not journalled is left out."""
    workers = {name: journalled(worker) for name, worker in state.workers.items()}
    waiting = sorted(
        (entry.rank, entry.ref, entry.worker, sorted(entry.claims.items())) for entry in state.scheduler.waiting()
    )
    return {
        "graphs": {name: plain(graph) for name, graph in state.graphs.items()},
        "decisions": {ref: plain(decision) for ref, decision in state.decisions.items()},
        "open": [decision.ref for decision in state.open_decisions()],
        "workers": {name: record for name, record in workers.items() if record != journalled(WorkerType(name))},
        "in flight": {name: list(tasks) for name, tasks in state.in_flight.items() if tasks},
        "retrying": sorted(state.retrying),
        "over": (dict(state.over), state.over_tasks),
        "waiting": waiting,
        "names": {name: list(ids) for name, ids in state.names.items()},
        "consumers": {name: plain(consumer) for name, consumer in state.consumers.items()},
        "quarantine": {ref: plain(found) for ref, found in state.quarantine.items()},
        "numbers": (state.last_graph, state.last_decision, state.told, dict(state.keys)),
    }


def journalled(worker):
    """What the journal knows of a worker type."""
    return {name: value for name, value in plain(worker).items() if name not in _OF_THIS_LIFE}


def plain(node):
    """The fields of a node; other nodes by their names."""
    return {name: _value(node, name) for name in _FIELDS[type(node)]}


def _value(node, name):
    value = getattr(node, name)
    if name == "tasks":
        return {key: plain(inner) for key, inner in value.items()}
    if name == "attempts" and not isinstance(value, int):
        return [plain(inner) for inner in value]
    if name == "dependents":
        return [(inner.id, condition) for inner, condition in value]
    if name in ("decisions", "judges", "children"):
        return list(value)
    if isinstance(value, set):
        return sorted(value)
    if isinstance(value, Task | Decision):
        return value.ref
    if isinstance(value, WorkerType):
        return value.name
    if isinstance(value, Graph):
        return value.id
    if isinstance(value, Spent):
        return dataclasses.replace(value)
    if isinstance(value, dict):
        return dict(value)
    assert value is None or isinstance(value, str | int | float | bytes | tuple | Struct), (name, type(value))
    return value
