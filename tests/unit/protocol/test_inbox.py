"""The inbox, over a daemon that is told in lines: what is coalesced, what is passed over, what may be acknowledged."""

from orch_actors.protocol import inbox, messages
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.views import DecisionView, Event, GraphSummary

ME, OTHER = "me:1", "other:1"


class FakeClient:
    """A daemon's events and graphs, as lists; `page`: how many events it gives at once."""

    def __init__(self, events, graphs, decisions=(), page=1000):
        self.list = [Event(seq=n, time_utc="", **event) for n, event in enumerate(events, 1)]
        self.known, self.open, self.page = graphs, decisions, page
        self.cursor, self.asked = 0, []

    def open_consumer(self, name, *, kinds):
        return messages.ConsumerOpened(consumer=name, cursor=self.cursor, head=len(self.list), kinds=kinds)

    def read_consumer(self, name, *, since, limit):
        found = [event for event in self.list if event.seq > since and event.kind in inbox.KINDS][: self.page]
        whole = len(found) < self.page
        return messages.Events(events=found, head=len(self.list), through=len(self.list) if whole else found[-1].seq)

    def ack_events(self, name, seq):
        assert seq <= len(self.list)
        self.cursor = max(self.cursor, seq)

    def summaries(self, graphs):
        self.asked.append(tuple(graphs))
        if set(graphs) - set(self.known):
            raise Refused.because("UNKNOWN_GRAPH", "gone")
        return messages.Summaries(graphs=tuple(self.known[graph] for graph in graphs), head=0)

    def context(self, graph, *, layer):
        return messages.Context(graph=graph, task=None, layer=layer, text=f"{graph} line")

    def decisions(self):
        return self.open


def graph(name, client=ME, state="done"):
    return GraphSummary(id=name, name="n", state=state, counts={}, submitted_utc="", client=client)


def submitted(name, client=ME):
    return {"kind": "graph_submitted", "graph": name, "data": {"client": client}}


def ended(name, state="done"):
    return {"kind": "graph_ended", "graph": name, "state": state}


def task(name, id_, state="done"):
    return {"kind": "task_ended", "graph": name, "task": id_, "state": state}


def read(client, **options):
    return inbox.read_inbox(client, "me", **options)


def test_a_graph_is_one_item_whatever_happened():
    events = [submitted("g1"), task("g1", "a"), task("g1", "b", "failed"), task("g1", "c"), ended("g1", "failed")]
    (item,) = read(FakeClient(events, {"g1": graph("g1", state="failed")})).items
    assert (item.graph, item.state, item.ended, item.line) == ("g1", "failed", True, "g1 line")
    assert (item.tasks, item.failed) == ({"done": 2, "failed": 1}, ("b",))


def test_a_task_that_ran_again_counts_as_it_ended_last():
    events = [submitted("g1"), task("g1", "a", "failed"), task("g1", "b", "failed"), task("g1", "a"), ended("g1")]
    events += [task("g1", "b", "failed"), ended("g1", "failed")]
    (item,) = read(FakeClient(events, {"g1": graph("g1", state="failed")})).items
    assert item.failed == ("b",)
    assert repr(item) == "<news: g1 line>"


def test_others_are_passed_over_and_the_cursor_may_pass_them():
    found = read(FakeClient([submitted("g1", OTHER), ended("g1"), submitted("g2"), ended("g2")], {"g2": graph("g2")}))
    assert ([item.graph for item in found.items], found.through, found.more) == (["g2"], 4, False)


def test_a_submission_alone_is_no_news():
    assert read(FakeClient([submitted("g1")], {"g1": graph("g1", state="running")})).items == ()


def test_who_submitted_is_asked_where_the_events_do_not_say():
    client = FakeClient([submitted("g1"), ended("g1")], {"g1": graph("g1")})
    client.cursor = 1
    assert [item.graph for item in read(client).items] == ["g1"]
    assert client.asked[0] == ("g1",)


def test_forgotten_graphs_do_not_hide_the_others():
    client = FakeClient([ended("g1"), ended("g2"), ended("g3")], {"g2": graph("g2")})
    found = read(client)
    assert ([item.graph for item in found.items], found.through) == (["g2"], 3)


def test_a_graph_that_was_forgotten_since_is_told_by_its_events():
    (item,) = read(FakeClient([submitted("g1"), ended("g1", "failed")], {})).items
    assert item.ended
    assert item.line == "g1 failed; it was forgotten since"


def test_it_is_told_until_acknowledged_and_not_after():
    client = FakeClient([submitted("g1"), ended("g1")], {"g1": graph("g1")})
    assert read(client) == read(client)
    client.ack_events("", read(client).through)
    assert read(client).items == ()


def test_a_limit_is_where_acknowledging_ends():
    names = [f"g{n}" for n in range(1, 6)]
    events = [event for name in names for event in (submitted(name), task(name, "t"), ended(name))]
    client, seen = FakeClient(events, {name: graph(name) for name in names}, page=4), []
    while found := read(client, graphs=2).items:
        seen += [item.graph for item in found]
        client.ack_events("", read(client, graphs=2).through)
    assert seen == names


def test_what_is_acknowledged_in_between_is_not_told_of_again():
    """A graph whose events stand on both sides of the cut is told twice, each time of what is new."""
    events = [submitted("g1"), submitted("g2"), task("g1", "a"), ended("g2"), ended("g1")]
    client = FakeClient(events, {"g1": graph("g1"), "g2": graph("g2")})
    first = read(client, graphs=1)
    assert (first.through, first.more, first.items[0].tasks) == (3, True, {"done": 1})
    client.ack_events("", first.through)
    assert [item.graph for item in read(client).items] == ["g2", "g1"]


def test_questions_are_told_while_they_are_open():
    def decision(ref):
        return DecisionView(
            ref=ref,
            graph="g1",
            task="a",
            kind="approve",
            question="?",
            options=("yes",),
            default="yes",
            deadline_utc=None,
            asked_utc="",
            evidence={},
        )

    asked = [{"kind": "decision_asked", "graph": "g1", "task": "a", "data": {"ref": ref}} for ref in ("d1", "d2")]
    client = FakeClient([submitted("g1"), *asked], {"g1": graph("g1", state="running")}, (decision("d2"),))
    (item,) = read(client).items
    assert [one.ref for one in item.decisions] == ["d2"]
    assert not item.ended


def test_many_events_of_others_are_passed_for_good():
    events = [event for n in range(600) for event in (submitted(f"g{n}", OTHER), ended(f"g{n}"))]
    client = FakeClient(events, {})
    assert read(client).items == ()
    assert client.cursor == 1200
