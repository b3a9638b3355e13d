"""Whatever comes, in whatever order: random graphs, and stimuli of every kind, right, wrong, late and doubled.

After each step everything that World.check asserts holds; a replay of the journal's bytes gives the same state;
and once the world answers, every graph ends.

    pytest tests/property/test_machine.py                                                # some hundred lives
    ORCH_EXAMPLES=10000 pytest tests/property/test_machine.py -o faulthandler_timeout=0  # the long run: a quarter hour
"""

import os

from core_world import LIMITS, RESOURCES, World, dump, offer, over, task
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec import Raw
from msgspec.structs import replace

from orch_actors.actors.core import facts as f
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.handlers.retaining import exceeded
from orch_actors.actors.core.table import TASK_MOVES, TERMINAL
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.hostwire import Question
from orch_actors.protocol.views import Usage

EXAMPLES = int(os.environ.get("ORCH_EXAMPLES", "150"))

#: What a task may carry; several are drawn for each.
OPTIONS = [
    ("worker", "python"),
    ("retry", {"attempts": 2}),
    ("retry", {"attempts": 3, "backoff": 10}),
    ("retry", {"attempts": 3, "backoff": 1, "factor": 1000, "jitter": 0.5, "on": ["timeout", "validation", "exit"]}),
    ("retry", {"attempts": 4, "exit_codes": [1]}),
    ("timeout", 5),
    ("deadline", 8),
    ("deadline", 60),
    ("idle_timeout", 3),
    ("on_fail", "continue"),
    ("on_fail", "ask"),
    ("on_fail", "cancel_graph"),
    ("on_unknown", "rerun"),
    ("on_unknown", "fail"),
    ("approve", True),
    ("ask", {"deadline": 20}),
    ("ask", {"deadline": 20, "default": "accept"}),  # for decisions about failures or lost attempts; see options
    ("priority", 5),
    ("priority", -5),
    ("resources", {"gpu": 2}),
    ("resources", {"gpu": 1, "mem": 2}),
    ("resources", {"mem": 3}),
    ("judge", {"worker": "shell", "command": "j", "criteria": ["good"]}),
    ("judge", {"worker": "python", "call": "a:b", "criteria": ["good"], "on_error": "reject", "attempts": 1}),
    ("judge", {"worker": "shell", "command": "j", "criteria": ["good"], "on_error": "accept", "max_rounds": 1}),
    ("decisions", {"by": "judge", "worker": "shell", "command": "j"}),
    ("decisions", {"by": "judge_then_human", "worker": "python", "call": "a:b", "attempts": 1}),
    ("exclusive", ["a"]),
    ("exclusive", ["a", "b"]),
    ("worker", "claude"),
    ("budget", {"attempts": 1}),
    ("budget", {"attempts": 3, "wall": 4}),
    ("budget", {"usd": 1.5}),
    ("budget_usd", 0.4),
    ("budget", {"tokens": 30, "attempts": 5}),
]


def sensible(carried):
    """A default that could never stand is refused; most graphs should not be."""
    if "default" in carried.get("ask", {}) and carried.get("on_fail") != "ask":
        carried["on_unknown"] = "ask"
    if {"usd", "tokens", "budget_usd"} & {*carried, *carried.get("budget", {})}:
        carried["worker"] = "claude"  # nobody else spends these
    return carried


options = st.lists(st.sampled_from(OPTIONS), max_size=4).map(dict).map(sensible)
conditions = st.sampled_from(["done", "done", "failed", "finished"])
shapes = st.lists(
    st.tuples(options, st.lists(st.tuples(st.integers(0, 7), conditions), max_size=3)), min_size=2, max_size=7
)
limits = st.fixed_dictionaries(
    {},
    optional={
        "parallel": st.integers(1, 3),
        "wall": st.sampled_from([30, 300]),
        "attempts": st.integers(1, 12),
        "usd": st.sampled_from([0.5, 2]),
        "tokens": st.sampled_from([1, 50]),
    },
)
picks = st.integers(0, 30)
limits_to = st.sampled_from([None, 1, 2, 3, 0])
seldom = st.sampled_from([False, False, False, True])


def documents(shape, first=0, known=()):
    """Task documents `t<first>`…, each depending on some of those before it."""
    made = []
    for position, (carried, wanted) in enumerate(shape):
        names = [*known, *(document["id"] for document in made)]
        after = {names[at % len(names)]: condition for at, condition in wanted} if names else {}
        made.append(task(f"t{first + position}", *after.items(), **carried))
    return made


MET = b'{"verdict": "pass", "criteria": [{"id": "c1", "status": "met", "evidence": "seen"}]}'
UNMET = b'{"verdict": "fail", "criteria": [{"id": "c1", "status": "unmet", "evidence": "seen"}]}'

ENDS = [
    {"result": Raw(MET)},
    {"result": Raw(UNMET)},
    {"result": Raw(b'{"choice": "retry"}')},
    {"result": Raw(b'{"choice": "fail"}')},
    {"exit_code": 1, "cls": "quota"},
    {"usage": Usage(turns=3, cost_usd=0.5, input_tokens=20, output_tokens=1)},
    {"usage": Usage(cost_usd=0.1, input_tokens=2), "exit_code": 1},
    {"usage": Usage(cost_usd=0.7, turns=1), "exit_code": 1, "cls": "budget"},
    {},
    {},
    {"result_fault": "not JSON"},
    {"invalid": "no file"},
    {"exit_code": 1},
    {"exit_code": 1, "tail": "boom"},
    {"exit_code": 7},
    {"exit_code": 1, "question": Question(question="go on?", options=("go", "stop"), default="stop", deadline=9.0)},
    {"question": Question(question="which?", options=())},
    {"ending": "killed", "exit_code": None},
    {"ending": "lost", "exit_code": None},
    {"ending": "lost", "exit_code": None, "message": "another boot"},
    {"ending": "spawn", "exit_code": None},
    {"ending": "spawn", "exit_code": None, "cls": "reference"},
    {"ending": "spawn", "exit_code": None, "cls": "disk_full"},
]

CHANGES = [
    {"priority": 7},
    {"timeout": 9},
    {"timeout": None},
    {"deadline": 90},
    {"deadline": None},
    {"approve": True},
    {"approve": None},
    {"ask": {"deadline": 50, "question": "well?"}},
    {"retry": {"attempts": 3}},
    {"resources": {"gpu": 2}},
    {"resources": None},
    {"resources": {"mem": 99}},
    {"worker": "python", "command": None, "call": "a:b"},
    {"exclusive": ["a"]},
    {"budget": {"attempts": 2}},
    {"budget": {"attempts": 4, "wall": 9}},
    {"budget": None},
    {"depends_on": None},
    {"depends_on": ["t0"]},
    {"depends_on": [{"task": "t1", "on": "failed"}, "t2"]},
    {"depends_on": [{"task": "t3", "on": "finished"}]},
    {"depends_on": ["t1", "t1"]},
    {"depends_on": ["nobody"]},
    {"id": "other"},
    {"timeout": "soon"},
    {"nonsense": 1},
    {},
]


def every_kind_about(node):
    """Facts of one task of every kind, sensible or not."""
    at, number = {"graph": node.graph.id, "task": node.id}, len(node.attempts)
    return [
        f.TaskReady(**at),
        f.AttemptStarting(**at, attempt=number + 1),
        f.AttemptStarting(**at, attempt=number + 3),
        f.AttemptEnded(**at, attempt=max(1, number)),
        f.AttemptEnded(**at, attempt=number + 1),
        f.AttemptStopping(**at, attempt=max(1, number), cls="timeout", why=""),
        f.AttemptAdopted(**at, attempt=max(1, number), pid=3),
        f.AttemptProgressed(**at, attempt=max(1, number), text="half"),
        f.RetryScheduled(**at, attempt=number + 1, at_utc=9.0, delay_s=1.0),
        f.TaskEnded(**at, state="done"),
        f.TaskEnded(**at, state="skipped"),
        f.TaskHeld(**at),
        f.TaskRevived(**at),
        f.TaskBlocked(**at, ref="d1"),
        f.DecisionAsked(**at, ref="d999", about="approve", question="?", options=("a",), default="a"),
        f.DecisionAnswered(**at, ref="d998", choice="a"),
        f.JudgeAsked(**at, judge=f"{node.id}#judge-99", document={"id": "x"}),
        f.Judged(**at, judge=f"{node.id}#judge-98", outcome="pass", why=""),
        f.TaskUpdated(**at, document={"id": node.id, "nonsense": 1}),
    ]


def senseless(node):
    """Those that make no sense for it as it is."""
    bad = (f.DecisionAnswered, f.JudgeAsked, f.TaskUpdated)
    return [
        fact
        for fact in every_kind_about(node)
        if isinstance(fact, bad)
        or (node.state, fact.__struct_config__.tag) not in TASK_MOVES
        or (isinstance(fact, f.AttemptStarting) and fact.attempt != len(node.attempts) + 1)
    ]


class Life(RuleBasedStateMachine):
    """Clients, hosts, clocks and crashes around one machine."""

    @initialize(shape=shapes, other=shapes, bounds=limits, tolerant=st.booleans())
    def begin(self, shape, other, bounds, tolerant):
        self.world = World({**LIMITS, "claude": 1})
        self.submitted = 0
        #: Attempts that have ended, to be told of again.
        self.ended = []
        #: Consumer → its cursor, as it must be.
        self.cursors = {}
        self.submit(shape, bounds, tolerant, False)
        self.submit(other, {}, tolerant, False)

    # --- picking something that is there --------------------------------------------------------------------------

    def some(self, among, pick):
        return among[pick % len(among)] if among else None

    def graph(self, pick):
        found = self.some(self.world.graphs, pick)
        return found.id if found else "g99"

    def node(self, pick, *states):
        """A task, most often one of these states."""
        tasks = self.world.tasks
        fitting = [node for node in tasks if node.state in states and pick < 25]
        found = self.some(fitting or tasks, pick)
        return (found.graph.id, found.id) if found else ("g99", "t0")

    def version(self, graph, right):
        found = self.world.state.graphs.get(graph)
        return None if found is None else found.version if right else found.version + 1

    # --- clients --------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.world.graphs) < 4)
    @rule(shape=shapes, bounds=limits, tolerant=st.booleans(), dry_run=seldom, wrong=seldom)
    def submit(self, shape, bounds, tolerant, dry_run, wrong=False):
        self.submitted += 1
        key = f"k{self.submitted % 2}" if self.submitted % 3 == 0 else None
        top = {"name": f"n{self.submitted % 2}", "limits": bounds, "tolerant": tolerant}
        made = documents(shape)
        if wrong:
            made[-1]["resources"] = {"mem": 9}
        if self.submitted % 2 == 0:
            graph, name = self.node(self.submitted, "running")
            top["parent"] = f":{graph}/{name}/1"
        offered = offer(*made, key=key, dry_run=dry_run, **top)
        first = self.world.tell(offered)
        assert isinstance(first, Refused) or not wrong or first.answer.existing
        if key and not dry_run and not isinstance(first, Refused):
            again = self.world.do(offered)
            assert again.answer.existing
            assert not again.facts

    def edit(self, asked):
        """An edit; a dry run first, which must foresee what then happens."""
        would = self.world.tell(replace(asked, dry_run=True))
        if isinstance(would, Refused):
            refused = self.world.tell(asked)
            assert isinstance(refused, Refused)
            assert refused.info == would.info
            return refused
        assert not would.facts
        assert not would.effects
        did = self.world.do(asked)
        assert replace(would.answer, version=did.answer.version, dry_run=asked.dry_run) == did.answer
        return did

    @rule(pick=picks, wrong=seldom)
    def cancel_task(self, pick, wrong):
        graph, name = self.node(pick, "running", "ready", "pending")
        version = self.version(graph, not wrong)
        step = self.edit(s.CancelAsked(graph=graph, task=name, reason="", if_version=version))
        if wrong or isinstance(step, Refused):
            assert isinstance(step, Refused)
            return
        found = self.world.state.task(graph, name)
        assert found.terminal or found.attempts[-1].stopping[0] == "cancelled"
        skipped = {each.task for each in step.facts if isinstance(each, f.TaskEnded) and each.state == "skipped"}
        unpaid = any(isinstance(each, f.TaskEnded) and each.cls == "budget" for each in step.facts)
        if found.judged is None and not unpaid:  # what a judge that breaks means is its task's `on_error`
            assert skipped == (set(step.answer.skipped) if found.terminal else set())

    @rule(pick=picks, seldom=seldom)
    def cancel_graph(self, pick, seldom):
        if seldom:
            graph = self.graph(pick)
            self.edit(s.CancelAsked(graph=graph, task=None, reason="enough"))
            if found := self.world.state.graphs.get(graph):
                assert all(node.terminal or node.state == "running" for node in found.tasks.values())

    @rule(pick=picks, shape=shapes, dry_run=seldom, checked=st.booleans(), wrong=seldom)
    def add(self, pick, shape, dry_run, checked, wrong):
        graph = self.graph(pick)
        found = self.world.state.graphs.get(graph)
        known = list(found.tasks) if found else []
        if len(known) < 14:
            new = documents(shape[:3], first=0 if wrong else len(known), known=known)
            version = self.version(graph, not wrong) if checked else None
            offered = s.TasksOffered(graph=graph, tasks=tuple(new), base_dir="/", dry_run=dry_run, if_version=version)
            self.edit(offered)

    @rule(pick=picks, change=st.sampled_from(CHANGES), dry_run=seldom, checked=st.booleans(), wrong=seldom)
    def update(self, pick, change, dry_run, checked, wrong):
        graph, name = self.node(pick, "pending", "ready", "blocked")
        version = self.version(graph, not wrong) if checked else None
        asked = s.UpdateAsked(graph=graph, task=name, set=change, base_dir="/", dry_run=dry_run, if_version=version)
        step = self.edit(asked)
        if wrong and checked and self.world.state.graphs:
            assert isinstance(step, Refused)

    @precondition(lambda self: any(node.terminal for node in self.world.tasks))
    @rule(pick=picks, change=st.none() | st.sampled_from(CHANGES), dry_run=seldom)
    def retry_task(self, pick, change, dry_run):
        graph, name = self.node(pick, *TERMINAL)
        self.edit(s.RetryAsked(graph=graph, task=name, set=change or {}, dry_run=dry_run))

    @precondition(lambda self: any(node.state in ("failed", "cancelled") for node in self.world.tasks))
    @rule(pick=picks, dry_run=seldom, change=seldom)
    def retry_failed(self, pick, dry_run, change):
        graph = self.graph(pick)
        self.edit(s.RetryAsked(graph=graph, task=None, set={"timeout": 3} if change else {}, dry_run=dry_run))

    @rule(
        pick=picks,
        what=st.sampled_from(["pause", "resume", "limit", "budget"]),
        parallel=limits_to,
        dry_run=seldom,
        wrong=seldom,
    )
    def steer_graph(self, pick, what, parallel, dry_run, wrong):
        graph = self.graph(pick)
        checked = {"dry_run": dry_run, "if_version": self.version(graph, not wrong)}
        if what == "limit":
            self.edit(s.LimitAsked(graph=graph, worker=None, parallel=parallel, **checked))
        elif what == "budget":
            self.edit(
                s.BudgetAsked(graph=graph, set={"attempts": parallel and 3 * parallel, "usd": parallel}, **checked)
            )
        else:
            self.edit((s.PauseAsked if what == "pause" else s.ResumeAsked)(graph=graph, worker=None, **checked))

    @rule(
        worker=st.sampled_from([*LIMITS, *LIMITS, "nobody"]),
        what=st.sampled_from(["pause", "resume", "resume", "limit", "lost", "exhausted", "ready", "ready"]),
        parallel=limits_to,
        dry_run=seldom,
    )
    def steer_worker(self, worker, what, parallel, dry_run):
        if what == "limit":
            self.edit(s.LimitAsked(graph=None, worker=worker, parallel=parallel, dry_run=dry_run))
        elif what == "ready" and worker in LIMITS:
            self.world.do(s.WorkerReady(worker=worker))
        elif what in ("lost", "exhausted") and worker in LIMITS:
            self.world.do(s.WorkerLost(worker=worker, exhausted="died too often" if what == "exhausted" else ""))
        else:
            kind = s.PauseAsked if what == "pause" else s.ResumeAsked
            self.edit(kind(graph=None, worker=worker, dry_run=dry_run))

    @precondition(lambda self: self.world.decisions)
    @rule(pick=picks, choice=picks)
    def decide(self, pick, choice):
        decision = self.some(self.world.decisions, pick)
        chosen = self.some(decision.options, choice)
        assert not isinstance(self.world.decide(decision.ref, chosen, "because"), Refused)
        again = self.world.decide(decision.ref, chosen)
        assert again.answer.existing
        assert not again.facts
        assert self.world.decide(decision.ref, "something else").info.code == "ANSWERED"

    @rule(pick=picks, choice=st.sampled_from(["approve", "retry", "nonsense"]))
    def decide_anything(self, pick, choice):
        refs = [*self.world.state.decisions, "d99"]
        was_open = {decision.ref for decision in self.world.decisions}
        ref = self.some(refs, pick)
        step = self.world.decide(ref, choice)
        if ref not in was_open:
            assert isinstance(step, Refused) or step.answer.existing

    @rule(pick=picks, question=st.sampled_from(["a?", "b?", ""]), deadline=st.sampled_from([None, 15.0, -1.0]))
    def ask(self, pick, question, deadline):
        graph, name = self.node(pick, "running")
        asked = s.QuestionAsked(
            graph=graph, task=name, question=question, options=("yes", "no"), default="no", deadline_s=deadline
        )
        step = self.world.tell(asked)
        if question and not isinstance(step, Refused):
            again = self.world.do(asked)
            assert again.answer.ref == step.answer.ref
            assert not again.facts

    @rule(
        named=seldom,
        pick=picks,
        keep=st.sampled_from([None, 0, 1]),
        old=st.sampled_from([None, 0.0, 50.0]),
        dry_run=seldom,
    )
    def prune(self, named, pick, keep, old, dry_run):
        graphs = (self.graph(pick),) if named else ()
        self.world.tell(s.PruneAsked(graphs=graphs, older_than_s=old, keep=keep, dry_run=dry_run))

    @rule(
        keep=st.sampled_from([None, 0, 1, 3]),
        tasks=st.sampled_from([None, 1, 4]),
        old=st.sampled_from([None, 0.0, 50.0]),
    )
    def retention(self, keep, tasks, old):
        due = s.RetentionDue(keep=keep, tasks=tasks, older_than_s=old)
        left = [graph.id for graph in self.world.graphs if graph.ended_utc is None]
        self.world.do(due)
        assert {graph.id for graph in self.world.graphs} >= set(left), "one was forgotten that was not over"
        assert keep is None or len(self.world.state.over) <= keep
        assert not exceeded(self.world.state, due, self.world.now)

    # --- readers of events ----------------------------------------------------------------------------------------

    def silently(self, stimulus):
        """What concerns readers of events is no event, and moves nothing else."""
        head, before = self.world.head, dump(self.world.state)
        step = self.world.tell(stimulus)
        after = dump(self.world.state)
        assert self.world.head == head
        assert {**after, "consumers": 0} == {**before, "consumers": 0}
        assert {name: one.cursor for name, one in self.world.state.consumers.items()} == self.cursors
        return step

    @rule(name=st.sampled_from("abcd"), since=st.none() | st.integers(0, 40), some=st.booleans(), pick=picks)
    def open_consumer(self, name, since, some, pick):
        head = self.world.head
        wants = {"kinds": ("graph_ended",), "graphs": (self.graph(pick),)} if some else {"kinds": (), "graphs": ()}
        known = self.world.state.consumers.get(name)
        possible = (since is None or since <= head) and not (some and self.graph(pick) == "g99")
        if known is None and possible:
            self.cursors[name] = since or 0
        asked = s.ConsumerWanted(consumer=name, since=since, oldest=1, head=head, **wants)
        step = self.silently(asked)
        if isinstance(step, Refused):
            assert not possible or (known is not None and some)
        else:
            assert step.answer.existing == (known is not None)
            assert not self.silently(asked).facts

    @precondition(lambda self: self.cursors)
    @rule(pick=picks, seq=st.integers(-1, 200))
    def acknowledge(self, pick, seq):
        name = self.some(list(self.cursors), pick)
        right = 0 <= seq <= self.world.head
        if right:
            self.cursors[name] = max(self.cursors[name], seq)
        step = self.silently(s.EventsAcknowledged(consumer=name, seq=seq, head=self.world.head))
        assert isinstance(step, Refused) == (not right)
        if right:
            assert step.answer.cursor == self.cursors[name]

    @precondition(lambda self: self.cursors)
    @rule(pick=picks, nobody=seldom, rare=seldom)
    def forget_consumer(self, pick, nobody, rare):
        if not rare:
            return
        name = self.some(list(self.cursors), pick)
        if not nobody:
            del self.cursors[name]
        self.silently(s.ConsumersUnwanted(consumers=(name, "nobody") if nobody else (name,)))

    # --- the world ------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.world.flying)
    @rule(ends=st.lists(st.tuples(picks, st.sampled_from(ENDS)), min_size=1, max_size=4), twice=seldom)
    def end(self, ends, twice):
        for pick, end in ends:
            node = self.some(self.world.flying, pick)
            if node is not None:
                self.end_one(over(node.graph.id, node.id, len(node.attempts), **end), twice)

    def end_one(self, ended, twice):
        self.ended.append(ended)
        self.world.do(ended)
        if twice:
            assert not self.world.do(ended).facts

    @precondition(lambda self: self.world.flying)
    @rule(among=picks, end=st.sampled_from(ENDS))
    def end_all(self, among, end):
        for place, node in enumerate(self.world.flying):
            which = ENDS[(among + place) % len(ENDS)] if among > 15 else end
            self.end_one(over(node.graph.id, node.id, len(node.attempts), **which), False)

    @rule(pick=picks)
    def end_late(self, pick):
        late = self.some(self.ended, pick) or over("g9", "t0", 1)
        assert not self.world.do(late).facts
        assert not self.world.do(over(late.graph, late.task, 99)).facts
        assert not self.world.do(over("g77", "t0", 1)).facts

    @precondition(lambda self: self.world.flying)
    @rule(pick=picks, what=st.sampled_from(["idle_timeout", "output_limit", 0.0, 3.0, 99.0]))
    def watch(self, pick, what):
        """A host says that it has broken a bound, or has run for so many seconds."""
        node = self.some(self.world.flying, pick)
        at = {"graph": node.graph.id, "task": node.id, "attempt": len(node.attempts)}
        for number in (at["attempt"] + 1, at["attempt"]):
            at["attempt"] = number
            if isinstance(what, str):
                self.world.do(s.AttemptExceeded(**at, cls=what, message="too much"))
            else:
                self.world.do(s.AttemptFound(**at, pid=4, elapsed_s=what))

    @precondition(lambda self: self.world.armed)
    @rule(pick=picks)
    def fire(self, pick):
        self.world.fire(self.some(sorted(self.world.armed), pick))

    @precondition(lambda self: self.world.stale)
    @rule(pick=picks)
    def fire_stale(self, pick):
        key = self.some(self.world.stale, pick)
        if key not in self.world.armed:
            step = self.world.do(s.TimerFired(key=key))
            if key.kind in ("retry", "timeout", "decision"):
                assert not step.facts

    @rule(slots=st.integers(1, 3), mem=st.sampled_from([4.0, 2.0]), gpu=st.booleans())
    def configure(self, slots, mem, gpu):
        self.world.limits = {**LIMITS, "shell": slots}
        self.world.resources = {**RESOURCES, "mem": mem} if gpu else {"mem": mem}
        self.world.do(s.WorkerTypesConfigured(limits=self.world.limits, resources=self.world.resources))

    @rule(full=seldom)
    def fill_or_free_the_disk(self, full):
        step = self.world.do(s.DiskFilled() if full else s.DiskFreed())
        unpaid = any(isinstance(fact, f.TaskEnded | f.DecisionAsked) for fact in step.facts)  # a budget is used up
        assert unpaid or all(isinstance(fact, f.AttemptStarting) for fact in step.facts)

    @precondition(lambda self: self.world.tasks and not self.world.state.closing)
    @rule(pick=picks, kind=picks, seldom=seldom, then=st.lists(picks, max_size=3))
    def spoil(self, pick, kind, seldom, then):
        """The journal says of one task what makes no sense, and more of it after that: it alone pays for it."""
        graph, name = self.node(pick)
        node = self.world.state.find(graph, name)
        facts = senseless(node)
        over = {one.ref: (one.state, one.reason, len(one.attempts)) for one in self.world.tasks if one.terminal}
        if seldom and facts:
            chosen = [self.some(facts, kind), *(self.some(every_kind_about(node), more) for more in then)]
            assert self.world.spoil(*chosen, ready=pick > 10) == [node.ref]
            now = self.world.state.find(graph, name)
            assert (now.state, now.cls) == ("failed", "quarantine")
            found = {one.ref: (one.state, one.reason, len(one.attempts)) for one in self.world.tasks}
            over.pop(now.ref, None)
            assert {ref: found[ref] for ref in over} == over

    @rule(seldom=seldom)
    def cancel_running(self, seldom):
        if seldom:
            self.world.do(s.CancelRunningAsked(reason="down --kill"))

    @rule(shutting=st.booleans(), ready=st.booleans(), from_picture=st.booleans())
    def restart(self, shutting, ready, from_picture):
        if shutting:
            assert not self.world.do(s.Shutting()).facts
        gone = self.world.restart(ready=False, from_picture=from_picture)
        self.compare_grants(gone, ready)

    def compare_grants(self, gone, ready):
        """The machine that died would have started the same, in the same order, once its hosts were new."""
        gone.state.closing = False
        gone.handle(s.WorkerTypesConfigured(limits=self.world.limits, resources=self.world.resources), self.world.now)
        for worker in self.world.types:
            gone.handle(s.WorkerLost(worker=worker), self.world.now)
        gone.state.full = False
        for worker in self.world.types if ready else []:
            live = gone.handle(s.WorkerReady(worker=worker), self.world.now)
            assert self.world.do(s.WorkerReady(worker=worker)).facts == live.facts

    def teardown(self):
        if hasattr(self, "world"):
            self.world.restart()
            self.world.answer_everything()
            self.world.restart()


Life.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
TestMachine = Life.TestCase
