"""The campaign's checker over a small round, written by hand: it holds; and each violation that is planted is seen.

Nothing of the daemon's is used here, either: the journal's lines are made by a few lines of this file.
"""

import copy
import json
import zlib

import pytest

from orch_actors.stress.chaos.checker.rules import RULES
from orch_actors.stress.chaos.checker.verdict import judge

DOCUMENT = {"name": "small", "tasks": [{"id": "t1", "command": "true"}]}
SUBMIT = {"type": "submit_graph", "graph": DOCUMENT, "key": "k"}
ACCEPTED = {"type": "graph_accepted", "graph": "g1", "name": "small", "tasks": 1, "dry_run": False, "existing": False}
UPDATE = {"type": "update_task", "graph": "g1", "task": "t1", "set": {"title": "update-1"}}
EDITED = {"type": "edited", "graph": "g1", "version": 2, "changes": ["~ t1"], "dry_run": False}

FACTS = [
    [{"k": "graph_submitted", "graph": "g1", "document": DOCUMENT, "client": "c", "key": "k"}],
    [{"k": "task_updated", "graph": "g1", "task": "t1", "document": {"id": "t1", "title": "update-1"}}],
    [{"k": "attempt_starting", "graph": "g1", "task": "t1", "attempt": 1}],
    [
        {"k": "attempt_ended", "graph": "g1", "task": "t1", "attempt": 1, "exit_code": 3, "cls": "exit"},
        {"k": "attempt_starting", "graph": "g1", "task": "t1", "attempt": 2},
    ],
    [
        {"k": "attempt_ended", "graph": "g1", "task": "t1", "attempt": 2, "exit_code": 0},
        {"k": "task_ended", "graph": "g1", "task": "t1", "state": "done"},
        {"k": "graph_ended", "graph": "g1", "state": "done"},
    ],
]


def outcome(place, of=None, result=None):
    """The outcome line of the facts at a place."""
    reply = None if result is None else {"id": "x", "result": {k: v for k, v in result.items() if v is not False}}
    first = 1 + sum(len(facts) for facts in FACTS[:place])
    return ("outcome", {"of": of, "at": 0.0, "e": first, "facts": FACTS[place], "reply": reply})


def event(seq, fact):
    """A fact as it is told."""
    data = {"exit_code": fact.get("exit_code"), "class": fact.get("cls")} if fact["k"] == "attempt_ended" else {}
    return {"seq": seq, "kind": fact["k"], "graph": fact["graph"], "task": fact.get("task"), "data": data}


def call(number, name, do, **end):
    """A call's two lines."""
    return [{"call": number, "client": "c", "id": name, "do": do}, {"call": number, **end}]


class Small:
    """A good round, to be spoilt."""

    def __init__(self):
        self.journal = [
            ("command", {"client": "c", "id": "1", "do": SUBMIT}),
            outcome(0, of=1, result=ACCEPTED),
            ("command", {"client": "c", "id": "2", "do": UPDATE}),
            outcome(1, of=3, result=EDITED),
            *(outcome(place) for place in range(2, len(FACTS))),
        ]
        self.history = [
            *call(1, "1", SUBMIT, result=ACCEPTED),
            *call(2, "2", UPDATE, unknown=True),
            *call(3, "2", UPDATE, result=EDITED),
            *call(4, "1", SUBMIT, result=ACCEPTED),
            *call(5, "3", {"type": "cancel", "graph": "g1"}, error={"code": "NOT_ALLOWED"}),
        ]
        self.effects = ["g1/t1/1 begin", "g1/t1/1 end 3", "g1/t1/2 begin", "g1/t1/2 end 0"]
        facts = [fact for some in FACTS for fact in some]
        self.told = [event(seq, fact) for seq, fact in enumerate(facts, 1)]
        self.named = [
            {"opened": 0},
            *self.told[:4],
            {"acknowledging": 2},
            {"acknowledged": 2},
            {"acknowledging": 4},
            {"opened": 4},  # the last answer was lost
            *self.told[4:6],
            {"opened": 4},
            *self.told[4:],
            {"acknowledging": 8},
            {"acknowledged": 8},
        ]
        self.strikes = [{"strike": {"act": "supervisor"}, "victims": [4711]}]
        task = {"id": "t1", "state": "done", "reason": ""}
        self.final = {
            "graphs": [{"id": "g1", "name": "small", "state": "done", "ended_utc": "…", "tasks": [task]}],
            "head": len(facts),
            "orphans": {},
            "left": [],
            "exit_code": 0,
        }

    def write(self, folder):
        """The folder, as record.py says it."""
        (folder / "home" / "journal").mkdir(parents=True)
        (folder / "home" / "journal" / "00000001.jsonl").write_bytes(self.segment())
        self._lines(folder / "history.jsonl", self.history)
        self._lines(folder / "consumer-stream.jsonl", self.told)
        if self.named:
            self._lines(folder / "consumer-named.jsonl", self.named)
        self._lines(folder / "strikes.jsonl", self.strikes)
        (folder / "effects.log").write_text("".join(line + "\n" for line in self.effects))
        (folder / "final.json").write_text(json.dumps(self.final))
        return str(folder)

    def segment(self):
        """The journal's bytes."""
        lines, crc = [], "00000000"
        header = {"orch_journal": 1, "id": "j", "first": 1, "prev": crc, "event": 1, "created_utc": 0.0}
        bodies = [header] + [{"t": kind, "d": data} for kind, data in self.journal]
        for number, body in enumerate(bodies):
            line = body if number == 0 else {"s": number, "y": number - 1, "p": crc, **body}
            text = json.dumps(line, separators=(",", ":")).encode()[:-1]
            crc = f"{zlib.crc32(text):08x}"
            lines.append(text + b',"c":"' + crc.encode() + b'"}\n')
        return b"".join(lines)

    @staticmethod
    def _lines(path, lines):
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_good_round_holds(tmp_path):
    verdict = judge(Small().write(tmp_path))
    assert verdict.faults() == []
    assert verdict.ok
    assert verdict.counts["kills"] == 1
    assert verdict.counts["accepted"] == 2
    assert verdict.counts["without an answer"] == 1
    assert verdict.counts["attempts"] == 2


def forget_the_update(small):
    """Its command is not in the journal; the numbers of the events stay dense."""
    del small.journal[2]
    small.journal[2] = ("outcome", {**small.journal[2][1], "of": None, "reply": None})


def execute_a_refused_one(small):
    small.journal += [
        ("command", {"client": "c", "id": "3", "do": {"type": "cancel", "graph": "g1"}}),
        ("outcome", {"of": 8, "at": 0.0, "e": 9, "facts": [], "reply": {"id": "3", "result": {"type": "cancelled"}}}),
    ]


def take_the_update_twice(small):
    """As a daemon would that has forgotten that it was carried out."""
    small.journal += [
        ("command", {"client": "c", "id": "2", "do": UPDATE}),
        ("outcome", {"of": 8, "at": 0.0, "e": 9, "facts": FACTS[1], "reply": {"id": "2", "result": EDITED}}),
    ]
    small.told.append(event(9, FACTS[1][0]))
    small.final["head"] = 9


def change_fact(small, place, **changes):
    kind, data = copy.deepcopy(small.journal[place])
    data["facts"][0].update(changes)
    small.journal[place] = (kind, data)


def tell_more(small, *facts):
    """Facts after all others, told to everybody."""
    small.journal.append(("outcome", {"of": None, "at": 0.0, "e": 9, "facts": list(facts)}))
    for number, fact in enumerate(facts, 9):
        small.told.append(event(number, fact))
        small.named.append(event(number, fact))
    small.final["head"] = 8 + len(facts)


def start_too_early(small):
    """It waits for a task that never ends; the edit in between leaves that as it is."""
    waits = {"id": "t1", "title": "update-1", "depends_on": [{"task": "t0", "on": "done"}]}
    change_fact(small, 1, document={**DOCUMENT, "tasks": [waits]})
    change_fact(small, 3, document=waits)


def decision(kind, **more):
    return {"k": f"decision_{kind}", "graph": "g1", "task": "t1", "ref": "d1", **more}


ASKED = decision("asked", options=["yes", "no"])
YES = decision("answered", choice="yes", by="c")


def another_graph_by_the_key(small):
    small.history += call(6, "6", SUBMIT, result={**ACCEPTED, "graph": "g2"})


def swap(lines, one, two):
    lines[one], lines[two] = lines[two], lines[one]


#: What is planted → the rule that must see it. The others may see it as well.
PLANTED = {
    "an accepted command is not in the journal": ("accepted commands lost", forget_the_update),
    "an accepted graph is gone": ("accepted commands lost", lambda s: s.final["graphs"].clear()),
    "the journal has another answer": (
        "accepted commands lost",
        lambda s: s.history.__setitem__(5, {"call": 3, "result": {**EDITED, "version": 3}}),
    ),
    "another graph has the id": ("accepted commands lost", lambda s: s.final["graphs"][0].update(name="other")),
    "a refused command was executed": ("commands nobody sent, or refused", execute_a_refused_one),
    "a command that nobody sent": (
        "commands nobody sent, or refused",
        lambda s: s.history.__delitem__(slice(2, 6)),
    ),
    "an attempt began twice": ("attempts run twice", lambda s: s.effects.insert(1, "g1/t1/1 begin")),
    "an attempt ended twice": ("attempts run twice", lambda s: s.effects.insert(2, "g1/t1/1 end 3")),
    "an attempt was started twice": ("attempts run twice", lambda s: change_fact(s, 5, attempt=2)),
    "a command was taken twice": ("attempts run twice", take_the_update_twice),
    "an attempt that nobody started": (
        "attempts without a beginning or an end",
        lambda s: s.effects.extend(["g1/t1/3 begin", "g1/t1/3 end 0"]),
    ),
    "an attempt that never ended": ("attempts without a beginning or an end", lambda s: s.journal.pop(6)),
    "a wrong exit code": ("wrong exit codes", lambda s: change_fact(s, 5, exit_code=4)),
    "success that was none": ("wrong exit codes", lambda s: s.effects.__setitem__(3, "g1/t1/2 end 1")),
    "an end that never was": ("wrong exit codes", lambda s: s.effects.pop(3)),
    "a code that what was cancelled never had": (
        "wrong exit codes",
        lambda s: change_fact(s, 5, cls="cancelled", exit_code=7),
    ),
    "an attempt told of that never ran": ("wrong exit codes", lambda s: s.effects.__delitem__(slice(2, 4))),
    "an unknown attempt": ("unknown", lambda s: change_fact(s, 5, cls="unknown", exit_code=None)),
    "an orphan": ("orphans", lambda s: s.final["orphans"].update({"17": "g1/t1/1"})),
    "a process that is left": ("orphans", lambda s: s.final["left"].append(17)),
    "the last daemon crashed": ("orphans", lambda s: s.final.update(exit_code=70)),
    "a gap": ("gaps or duplicates of events", lambda s: s.told.pop(3)),
    "an event twice": ("gaps or duplicates of events", lambda s: s.told.insert(3, s.told[3])),
    "events in another order": ("gaps or duplicates of events", lambda s: swap(s.told, 3, 4)),
    "the last event is missing": ("gaps or duplicates of events", lambda s: s.told.pop()),
    "a consumer is told something else": (
        "gaps or duplicates of events",
        lambda s: s.told[3]["data"].update(exit_code=5),
    ),
    "the journal lacks an event": ("gaps or duplicates of events", lambda s: s.final.update(head=9)),
    "what was acknowledged is told again": (
        "acknowledged and told again, or not told",
        lambda s: s.named.__setitem__(8, {"opened": 1}),
    ),
    "a cursor beyond what was acknowledged": (
        "acknowledged and told again, or not told",
        lambda s: s.named.__setitem__(11, {"opened": 6}),
    ),
    "a named consumer misses one": ("acknowledged and told again, or not told", lambda s: s.named.pop(13)),
    "a named consumer misses the last": ("acknowledged and told again, or not told", lambda s: s.named.pop(-3)),
    "a graph that runs for ever": (
        "graphs that never ended",
        lambda s: s.final["graphs"][0].update(state="running", ended_utc=None),
    ),
    "a task that waits for ever": (
        "graphs that never ended",
        lambda s: s.final["graphs"][0]["tasks"][0].update(state="pending"),
    ),
    "a task ends again": (
        "ends that were none, starts too early",
        lambda s: tell_more(s, {"k": "task_ended", "graph": "g1", "task": "t1", "state": "failed"}),
    ),
    "a graph ends again": (
        "ends that were none, starts too early",
        lambda s: tell_more(s, {"k": "graph_ended", "graph": "g1", "state": "failed"}),
    ),
    "a start before its dependency": (
        "ends that were none, starts too early",
        start_too_early,
    ),
    "a start after a changed dependency": (
        "ends that were none, starts too early",
        lambda s: change_fact(s, 3, document={"id": "t1", "title": "update-1", "depends_on": ["t0"]}),
    ),
    "a decision asked twice": ("decisions not answered once", lambda s: tell_more(s, ASKED, ASKED)),
    "a decision answered twice": ("decisions not answered once", lambda s: tell_more(s, ASKED, YES, YES)),
    "an answer that was not offered": (
        "decisions not answered once",
        lambda s: tell_more(s, ASKED, {**YES, "choice": "perhaps"}),
    ),
    "a question withdrawn by a client": (
        "decisions not answered once",
        lambda s: tell_more(s, ASKED, {**YES, "choice": "withdrawn", "by": "c"}),
    ),
    "an answer to nothing": ("decisions not answered once", lambda s: tell_more(s, YES)),
    "two graphs by one key": ("keys with two graphs", another_graph_by_the_key),
    "an edit applied twice": ("edits not applied once", take_the_update_twice),
    "an accepted edit not applied": (
        "edits not applied once",
        lambda s: change_fact(s, 3, document={"id": "t1", "title": ""}),
    ),
    "a refused edit applied": (
        "edits not applied once",
        lambda s: s.history.__setitem__(slice(2, 6), call(2, "2", UPDATE, error={"code": "NOT_ALLOWED"})),
    ),
    "a repetition with another answer": (
        "answers that changed",
        lambda s: s.history.__setitem__(7, {"call": 4, "result": {**ACCEPTED, "graph": "g2"}}),
    ),
    "another body with the same id": (
        "answers that changed",
        lambda s: s.history.__setitem__(6, {**s.history[6], "do": {**SUBMIT, "key": "other"}}),
    ),
    "a command without an outcome": (
        "faults of the journal",
        lambda s: s.journal.append(("command", {"client": "c", "id": "3", "do": {"type": "cancel", "graph": "g1"}})),
    ),
    "a supervisor that died by itself": (
        "strange things",
        lambda s: s.strikes.append({"died": "supervisor", "code": 70, "words": "a bug"}),
    ),
    "an agent that was told nonsense": ("strange things", lambda s: s.history.append({"fault": "it said so"})),
    "a bug of the daemon's": (
        "strange things",
        lambda s: s.history.__setitem__(9, {"call": 5, "error": {"code": "INTERNAL"}}),
    ),
    "nothing was killed": ("nothing to judge", lambda s: s.strikes.clear()),
    "nobody was told anything": ("nothing to judge", lambda s: s.told.clear()),
    "nothing was accepted": ("nothing to judge", lambda s: s.history.clear()),
    "nothing ran": ("nothing to judge", lambda s: s.effects.clear()),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_violation_is_seen(tmp_path, what):
    rule, plant = PLANTED[what]
    small = Small()
    plant(small)
    verdict = judge(small.write(tmp_path))
    assert verdict.violations[rule], verdict.faults()
    assert not verdict.ok


def test_every_rule_is_tried():
    assert {rule for rule, _ in PLANTED.values()} == set(RULES)


@pytest.mark.parametrize("place", [0, 1, 4])
def test_a_journal_that_was_changed_is_seen(tmp_path, place):
    folder = Small().write(tmp_path)
    path = tmp_path / "home" / "journal" / "00000001.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[place] = lines[place].replace(b"1", b"2", 1)
    path.write_bytes(b"\n".join(lines))
    assert judge(folder).violations["faults of the journal"]


@pytest.mark.parametrize("place", [0, 3])
def test_a_line_that_is_missing_is_seen(tmp_path, place):
    folder = Small().write(tmp_path)
    path = tmp_path / "home" / "journal" / "00000001.jsonl"
    lines = path.read_bytes().split(b"\n")
    del lines[place + 1]
    path.write_bytes(b"\n".join(lines))
    assert judge(folder).violations["faults of the journal"]


def test_half_a_line_at_the_end_is_seen(tmp_path):
    folder = Small().write(tmp_path)
    path = tmp_path / "home" / "journal" / "00000001.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    assert judge(folder).violations["faults of the journal"]


def test_an_attempt_may_be_unknown_whose_shim_was_killed(tmp_path):
    small = Small()
    change_fact(small, 5, cls="unknown", exit_code=None)
    small.effects.remove("g1/t1/1 end 3")
    small.told[3]["data"].update({"exit_code": None, "class": "unknown"})
    small.strikes.append({"shim": "g1/t1/1", "pid": 4712})
    assert judge(small.write(tmp_path)).faults() == []


def test_a_command_without_an_answer_may_have_been_carried_out_or_not(tmp_path):
    small = Small()
    del small.history[4:6]  # the update is never settled
    (tmp_path / "done").mkdir()
    assert judge(small.write(tmp_path / "done")).faults() == []
    small = Small()
    del small.history[4:6]
    del small.journal[2:4]
    for _, data in small.journal:
        if data.get("e", 0) > 2:
            data["e"] -= 1
    del small.told[1]
    for number, told in enumerate(small.told, 1):
        told["seq"] = number
    small.final["head"] = 7
    small.named.clear()
    (tmp_path / "not").mkdir()
    assert judge(small.write(tmp_path / "not")).faults() == []


def test_facts_that_nobody_is_told_of_take_no_number(tmp_path):
    small = Small()
    for place, (kind, data) in enumerate(small.journal):
        if kind == "outcome":
            facts = [{"k": "graph_edited", "graph": "g1"}, *data["facts"], {"k": "consumer_advanced", "consumer": "x"}]
            small.journal[place] = (kind, {**data, "facts": facts})
    assert judge(small.write(tmp_path)).faults() == []


def test_an_edit_may_withdraw_a_question(tmp_path):
    small = Small()
    tell_more(small, ASKED, {**YES, "choice": "withdrawn", "by": "an edit"})
    assert not judge(small.write(tmp_path)).violations["decisions not answered once"]


def test_what_was_revived_may_end_again(tmp_path):
    small = Small()
    of_t1 = {"graph": "g1", "task": "t1"}
    tell_more(
        small,
        {"k": "graph_reopened", "graph": "g1"},
        {"k": "task_revived", **of_t1},
        ASKED,
        YES,
        {"k": "task_ended", **of_t1, "state": "done"},
        {"k": "graph_ended", "graph": "g1", "state": "done"},
    )
    assert judge(small.write(tmp_path)).faults() == []


def test_a_forgotten_graph_is_not_lost(tmp_path):
    small = Small()
    small.final["graphs"].clear()
    gone = {"k": "graph_forgotten", "graph": "g1"}
    small.journal.append(("outcome", {"of": None, "at": 0.0, "e": 9, "facts": [gone]}))
    small.told.append(event(9, gone))
    small.named.append(event(9, gone))
    small.final["head"] = 9
    assert judge(small.write(tmp_path)).faults() == []
