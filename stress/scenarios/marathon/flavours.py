"""Single tasks of a marathon, each with policies of its own and acts to try them; generate.py strews them over a graph.

A flavour takes a random source and the folder that the tasks write in; it says nothing of dependencies. Whether it is
likely to fail only steers the choice of conditions; what it really comes to is for the model to say.
"""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

from msgspec import Struct

from orch_actors.stress.scenarios.marathon.plan import Act, Action, Cue

#: Longer than any run: what waits for this is ended by something else.
NEVER_S: Final = 600

Fields = dict[str, Any]


class Made(Struct, frozen=True, kw_only=True):
    """One task, but for its id, place and program."""

    acts: tuple[Act, ...]
    fields: Fields = {}
    #: Answers to its questions, each time it asks; "": nobody answers.
    choice: str = ""
    #: Most of the time it fails.
    fails: bool = False
    env: dict[str, str] = {}
    #: The program that is run instead of act.sh.
    program: tuple[str, ...] = ()


def cues(name: str, made: Made) -> list[Cue]:
    """What the client does about it."""
    if not made.choice:
        return []
    return [Cue(when="decision_asked", task=name, nth=0, actions=(Action(verb="answer", choice=made.choice),))]


OK: Final = Act("leave 0")
SLOW: Final = Act("sleep 0.03")
HANG: Final = Act("hang", "hang")


def fail(code: int) -> Act:
    """An attempt that exits with a code."""
    return Act(f"leave {code}", "exit", code)


def _plain(rng: Random, _: str) -> Made:
    return Made(acts=(rng.choice([OK, SLOW]),))


def _result(rng: Random, _: str) -> Made:
    return Made(acts=(Act(f"result '{json.dumps({'n': rng.randrange(1000)})}'"),))


def _mended(rng: Random, _: str) -> Made:
    """Fails, and a later attempt does not."""
    failures = rng.randint(1, 3)
    retry = {"attempts": failures + rng.randint(1, 2), **_waits(rng)}
    return Made(acts=(*[fail(rng.randint(1, 99)) for _ in range(failures)], OK), fields={"retry": retry})


def _waits(rng: Random) -> Fields:
    if rng.random() < 0.4:
        return {}
    return {
        "backoff": rng.choice([0.01, 0.02, 0.05]),
        "factor": rng.choice([1, 1.5, 3]),
        "max_backoff": rng.choice([0.03, 0.1]),
        "jitter": rng.choice([0, 0.5, 1]),
    }


def _spent(rng: Random, _: str) -> Made:
    """Fails more often than it is tried."""
    retry = {"attempts": rng.randint(2, 3), **_waits(rng)}
    return Made(acts=(fail(rng.randint(1, 99)),), fields={"retry": retry, **_on_fail(rng)}, fails=True)


def _on_fail(rng: Random) -> Fields:
    return {"on_fail": "continue"} if rng.random() < 0.4 else {}


def _picky(rng: Random, _: str) -> Made:
    """Tried again for some exit codes, or for some classes, only."""
    if rng.random() < 0.5:
        retry: Fields = {"attempts": 4, "exit_codes": [7, 9], "on": rng.choice([[], ["exit", "timeout"]])}
        return Made(acts=(fail(7), fail(9), fail(8), OK), fields={"retry": retry, **_on_fail(rng)}, fails=True)
    retry = {"attempts": 3, "on": rng.choice([["timeout"], ["validation", "result"], ["idle_timeout"]])}
    return Made(acts=(fail(5), OK), fields={"retry": retry, **_on_fail(rng)}, fails=True)


def _failing(rng: Random, _: str) -> Made:
    return Made(acts=(fail(rng.randint(1, 99)),), fields=_on_fail(rng), fails=True)


def _late(rng: Random, _: str) -> Made:
    """Out of time; sometimes not listening to TERM, sometimes mended by another attempt."""
    act = rng.choice([HANG, HANG, Act("deaf", "hang")])
    bound = {"timeout": 0.25} if rng.random() < 0.7 else {"idle_timeout": 0.25}
    fields = {**bound, "grace": rng.choice([0.05, 0.2]), **_on_fail(rng)}
    if rng.random() < 0.3:
        (cls,) = bound
        retry = {"attempts": 2, "on": rng.choice([[], [cls]])}
        # The second attempt must be done well within the bound, however busy the machine is.
        return Made(acts=(act, OK), fields={**fields, cls: 2.5, "retry": retry})
    return Made(acts=(act,), fields=fields, fails=True)


def _deadline(rng: Random, _: str) -> Made:
    """No attempt of it is ever in time: it hangs, or waits too long for another attempt."""
    fields = {"deadline": 0.4, "grace": 0.1, "on_fail": rng.choice(["fail", "continue", "ask"])}
    if rng.random() < 0.5:
        return Made(acts=(HANG,), fields=fields, fails=True)
    retry = {"attempts": 5, "backoff": NEVER_S, "max_backoff": NEVER_S}
    return Made(acts=(fail(3),), fields={**fields, "deadline": 0.6, "retry": retry}, fails=True)


def _invalid(rng: Random, folder: str) -> Made:
    """Exits with 0 and is not valid at first; a retry mends it, or nothing does."""
    key = f"{rng.getrandbits(48):012x}"
    path = f"{folder}/made-{key}"
    makes = f'echo made > "$DIR/made-{key}"'
    ways: list[tuple[Fields, str]] = [
        ({"validate": {"files": [path]}}, makes),
        ({"validate": {"pattern": f"^good {key}$"}}, f"echo good {key}"),
        ({"validate": {"pattern": "plainly good"}}, "echo this is plainly good"),
        ({"validate": {"command": ["test", "-s", path]}}, makes),
        ({"validate": {"command": f'test -s "$DIR/made-{key}"', "timeout": 30}}, makes),
        ({"validate": {"schema": {"type": "object", "required": ["n"]}}}, "result '{\"n\": 1}'"),
        ({"artifacts": [path]}, makes),
    ]
    fields, act = rng.choice(ways)
    first = Act("result '[]'" if "schema" in fields.get("validate", {}) else "leave 0", "invalid")
    if rng.random() < 0.65:
        retry = {"attempts": 2, "on": rng.choice([[], ["validation"]])}
        return Made(acts=(first, Act(act)), fields={**fields, "retry": retry})
    return Made(acts=(first,), fields={**fields, **_on_fail(rng)}, fails=True)


def _bad_result(rng: Random, _: str) -> Made:
    act = Act("result '{\"n\": '", "result")
    if rng.random() < 0.5:
        return Made(acts=(act, OK), fields={"retry": {"attempts": 2}})
    return Made(acts=(act,), fields=_on_fail(rng), fails=True)


def _no_program(rng: Random, _: str) -> Made:
    fields = {"retry": {"attempts": rng.randint(1, 2)}, **_on_fail(rng)}
    return Made(acts=(Act("", "spawn"),), fields=fields, program=("./there-is-no-such-program",), fails=True)


def _secret(rng: Random, _: str) -> Made:
    """It is given a secret; or there is none to be had."""
    if rng.random() < 0.7:
        value = f"secret-{rng.randrange(10**9)}"
        secrets = {"GIVEN": {"command": rng.choice([["printf", value], f"echo {value}"])}}
        return Made(acts=(Act(f"given {value}"),), fields={"secrets": secrets})
    secrets = {"GIVEN": {"file": "there-is-no-such-file"}}
    fields = {"secrets": secrets, "retry": {"attempts": rng.randint(1, 2)}, **_on_fail(rng)}
    return Made(acts=(Act("leave 0", "secret"),), fields=fields, fails=True)


def _flood(rng: Random, _: str) -> Made:
    return Made(acts=(Act("flood", "flood"),), fields={"grace": 0.1, **_on_fail(rng)}, fails=True)


def _asks_when_failed(rng: Random, _: str) -> Made:
    """Its failure is a question to the client."""
    fields: Fields = {"on_fail": "ask", "retry": {"attempts": rng.randint(1, 2)}}
    choice = rng.choice(["retry", "retry", "fail", "accept", "continue", ""])
    if not choice:
        fields["ask"] = {"deadline": 0.2, "default": rng.choice(["accept", "continue", "fail"])}
        if rng.random() < 0.3:
            del fields["ask"]["default"]
    acts = (fail(4), fail(4), fail(6), OK) if choice == "retry" else (fail(4),)
    return Made(acts=acts, fields=fields, choice=choice, fails=choice in ("fail", "continue", ""))


def _gated(rng: Random, _: str) -> Made:
    """A person's yes is needed first; or nobody answers in time."""
    choice = rng.choice(["approve", "approve", "approve", "reject", ""])
    if choice:
        return Made(acts=(OK,), fields={"approve": True}, choice=choice, fails=choice == "reject")
    ask: Fields = {"deadline": 0.2, "question": "Go?"}
    if rng.random() < 0.6:
        ask["default"] = "approve"
    return Made(acts=(OK,), fields={"approve": True, "ask": ask}, fails="default" not in ask)


def _asking(rng: Random, _: str) -> Made:
    """Asks by a file, leaves, and finds the answer in its next attempt; or nobody answers, and the default stands."""
    question: Fields = {"question": "Which way?", "options": ["left", "right"]}
    if rng.random() < 0.3:
        question |= {"default": "right", "deadline": 0.2}
        fields = {"ask": {"question": "unused", "deadline": NEVER_S}}
        return Made(acts=(Act(f"ask '{json.dumps(question)}'", "ask"), Act("answered right")), fields=fields)
    choice = rng.choice(["left", "right"])
    return Made(acts=(Act(f"ask '{json.dumps(question)}'", "ask"), Act(f"answered {choice}")), choice=choice)


def _lost(rng: Random, _: str) -> Made:
    """Nobody can know how its first attempt ended."""
    on_unknown = rng.choice(["rerun", "fail", "ask", "ask"])
    choice = rng.choice(["rerun", "fail", "accept"]) if on_unknown == "ask" else ""
    again = "rerun" in (on_unknown, choice)
    fields: Fields = {"on_unknown": on_unknown, "retry": {"attempts": 3}}
    return Made(acts=(Act("lost", "lost"), OK), fields=fields, choice=choice, fails=not again and choice != "accept")


def _foreach(rng: Random, _: str) -> Made:
    """One task written, three tasks run, each with its own item."""
    items = ["a  b", "$HOME", "c'd\""]
    given = " ".join(f"*-{number}) given {_quoted(item)} ;;" for number, item in enumerate(items, 1))
    retry = rng.choice([{}, {"retry": {"attempts": 2}}])
    fields = {"foreach": items, **retry}
    return Made(acts=(Act(f"case $ORCH_TASK in {given} esac"),), fields=fields, env={"GIVEN": "${item}"})


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


Flavour = Callable[[Random, str], Made]

#: Flavour → how often, out of the sum.
FREE: Final[dict[Flavour, int]] = {
    _plain: 26,
    _result: 8,
    _mended: 12,
    _spent: 4,
    _picky: 4,
    _failing: 6,
    _late: 4,
    _deadline: 2,
    _invalid: 7,
    _bad_result: 2,
    _no_program: 2,
    _secret: 3,
    _flood: 1,
    _asks_when_failed: 6,
    _gated: 7,
    _asking: 5,
    _lost: 3,
    _foreach: 2,
}

#: Hands back `{"n": …}`, which others may refer to.
RESULT: Final = _result

#: What comes to the same however often, and whenever, it is run: for graphs of which everything is run again.
REPEATABLE: Final[dict[Flavour, int]] = {
    flavour: weight for flavour, weight in FREE.items() if flavour not in (_deadline, _asking)
}


def canceller(rng: Random, _: str) -> Made:
    """Ends its whole graph when it fails: by its policy, or by the client's choice."""
    if rng.random() < 0.5:
        return Made(acts=(fail(8),), fields={"on_fail": "cancel_graph"}, fails=True)
    return Made(acts=(fail(8),), fields={"on_fail": "ask"}, choice="cancel_graph", fails=True)
