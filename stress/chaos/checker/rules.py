"""What must hold of a round, whatever died in it. A rule yields a sentence for each violation that it finds.

What is known of a command, from outside: accepted (a result came), refused (an error, and never a result), or nothing.
Nothing may have happened or not, once.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

from orch_actors.stress.chaos.checker.evidence import Call, Evidence

Rule = Callable[[Evidence], Iterator[str]]

TERMINAL_GRAPH: Final = {"done", "failed", "cancelled"}
TERMINAL_TASK: Final = {"done", "failed", "cancelled", "skipped"}

#: How an attempt may have ended whose program came to its end by itself.
BY_ITSELF: Final = {None, "exit", "validation", "result"}

#: How the clients of consumers are called.
CONSUMER: Final = "consumer-"

#: Codes above this are 128 and a signal.
SIGNALLED: Final = 128

#: What may make a question pointless, so that it is withdrawn (SPEC.md, events).
WITHDRAWN_BY: Final = {"an edit", "the attempt's end"}

#: What no client that keeps to the contract is ever told.
NEVER_SAID: Final = {"INTERNAL", "INVALID_REQUEST", "UNSUPPORTED_VERSION", "ID_EXPIRED", "KEY_CONFLICT"}


def lost(evidence: Evidence) -> Iterator[str]:
    """What was accepted is in the journal, with the answer that was given; its graph is there."""
    stored = _stored(evidence)
    forgotten = _graphs_of(evidence, "graph_forgotten")
    for call in evidence.calls:
        if call.result is None:
            continue
        replies = stored.get(call.command, [])
        if not replies:
            yield f"{call} was accepted, and the journal has no outcome of it"
        elif not any(_same(reply.get("result"), call.result) for reply in replies):
            yield f"{call} was answered {call.result}, the journal has {replies}"
        if call.do["type"] == "submit_graph":
            graph = call.result["graph"]
            view = evidence.graphs.get(graph)
            if view is None and graph not in forgotten:
                yield f"{call} was accepted as {graph}, which is gone"
            elif view is not None and view["name"] != call.do["graph"]["name"]:
                yield f"{call} was accepted as {graph}, which is now {view['name']!r}"


def unasked(evidence: Evidence) -> Iterator[str]:
    """What was refused, for good, has left nothing; and nothing is in the journal that nobody asked for."""
    asked = {call.command for call in evidence.calls}
    accepted = {call.command for call in evidence.calls if call.result is not None}
    refused = {call.command for call in evidence.calls if call.error is not None} - accepted
    unsure = {call.command for call in evidence.calls if call.error is None and call.result is None}
    for command, replies in _stored(evidence).items():
        if command not in asked and not command[0].startswith(CONSUMER):  # those have logs of another form
            yield f"the journal has {command}, which nobody sent"
        elif command in refused - unsure and any("result" in reply for reply in replies):
            yield f"{command} was refused, and was executed"


def twice(evidence: Evidence) -> Iterator[str]:
    """No attempt begins or ends twice, no attempt is started twice, no command is executed twice."""
    for attempt, effects in evidence.effects.items():
        if effects.begins != 1:
            yield f"{attempt} began {effects.begins} times"
        if len(effects.codes) > 1:
            yield f"{attempt} ended {len(effects.codes)} times: {effects.codes}"
    starts = Counter(_attempt(fact) for fact in _facts(evidence, "attempt_starting"))
    yield from (f"{attempt} was started {count} times" for attempt, count in starts.items() if count > 1)
    ends = Counter(_attempt(fact) for fact in _facts(evidence, "attempt_ended"))
    yield from (f"{attempt} was ended {count} times" for attempt, count in ends.items() if count > 1)
    taken = Counter((client, name) for client, name, _ in evidence.ledger.commands.values())
    yield from (f"command {command} was taken {count} times" for command, count in taken.items() if count > 1)
    answered = Counter(outcome.of for outcome in evidence.ledger.outcomes if outcome.of is not None)
    yield from (f"command {of} has {count} outcomes" for of, count in answered.items() if count > 1)


def attempts(evidence: Evidence) -> Iterator[str]:
    """What ran was started, by number, and what was started has ended; numbers are 1, 2, 3, …"""
    started = {_attempt(fact) for fact in _facts(evidence, "attempt_starting")}
    ended = {_attempt(fact) for fact in _facts(evidence, "attempt_ended")}
    yield from (f"{attempt} ran, and nobody had started it" for attempt in sorted(set(evidence.effects) - started))
    yield from (f"{attempt} was started, and never ended" for attempt in sorted(started - ended))
    numbers: dict[str, list[int]] = defaultdict(list)
    for fact in _facts(evidence, "attempt_starting"):
        numbers[f"{fact['graph']}/{fact['task']}"].append(fact["attempt"])
    for task, found in numbers.items():
        if found != list(range(1, len(found) + 1)):
            yield f"{task} had the attempts {found}"


def exit_codes(evidence: Evidence) -> Iterator[str]:
    """Every attempt that came to its end by itself is told with the code with which it ended."""
    for fact in _facts(evidence, "attempt_ended"):
        attempt, told, cls = _attempt(fact), fact.get("exit_code"), fact.get("cls")
        effects = evidence.effects.get(attempt)
        if cls not in BY_ITSELF and (told is None or told > SIGNALLED):
            continue  # it was ended, at its last word at the latest
        if effects is None:
            yield f"{attempt} is told to have ended with {told}, and never ran"
        elif effects.codes != [told]:
            yield f"{attempt} is told to have ended with {told}, and ended with {effects.codes or 'nothing'}"
        if cls is None and told != 0:
            yield f"{attempt} is told to have succeeded with code {told}"


def unknown(evidence: Evidence) -> Iterator[str]:
    """Nothing is unknown, but for attempts whose shims were killed."""
    for fact in _facts(evidence, "attempt_ended"):
        if fact.get("cls") == "unknown" and _attempt(fact) not in evidence.shims:
            yield f"{_attempt(fact)} is unknown, and nobody has killed its shim: {fact.get('message')}"


def orphans(evidence: Evidence) -> Iterator[str]:
    """Nothing runs when all is over, and nothing is left when the daemon has gone, as it was asked to."""
    yield from (f"a process of {attempt} was left" for attempt in evidence.orphans)
    yield from (f"process {pid} of the home was left" for pid in evidence.left)
    if evidence.exit_code != 0:
        yield f"the last daemon went with code {evidence.exit_code}"


def events(evidence: Evidence) -> Iterator[str]:
    """Every consumer was told every event, once, in order; all the same ones; those that the journal has."""
    journal = evidence.ledger.events()
    if sorted(journal) != list(range(1, evidence.head + 1)):
        yield f"the journal has {len(journal)} events, from {min(journal, default=0)} to {max(journal, default=0)}"
    for name, told in evidence.consumers.items():
        numbers = [event["seq"] for event in told]
        wanted = list(range(1, evidence.head + 1))
        if numbers != wanted:
            place = next((at for at, pair in enumerate(zip(numbers, wanted, strict=False)) if pair[0] != pair[1]), None)
            where = f"at its {place + 1}th came {numbers[place]}" if place is not None else "it is not all"
            yield f"{name} was told {len(numbers)} of {evidence.head} events; {where}"
        for event in told:
            fact = journal.get(event["seq"])
            if fact is not None and _told(event) != _meant(fact):
                yield f"{name} was told {_told(event)} as event {event['seq']}, the journal has {_meant(fact)}"


def named(evidence: Evidence) -> Iterator[str]:
    """Every named consumer was told every event, in order, and again what it had not acknowledged; nothing else."""
    for name, lines in evidence.named.items():
        sure = unsure = at = furthest = 0
        for line in lines:
            if "opened" in line:
                at = line["opened"]
                if not sure <= at <= unsure:
                    yield f"{name} came back at {at}; acknowledged was {sure}, or up to {unsure}"
            elif "acknowledging" in line:
                unsure = max(unsure, line["acknowledging"])
            elif "acknowledged" in line:
                sure = max(sure, line["acknowledged"])
            else:
                if line["seq"] != at + 1:
                    yield f"{name} was told event {line['seq']} after {at}"
                at = line["seq"]
                furthest = max(furthest, at)
        if furthest != evidence.head:
            yield f"{name} was told of {furthest} events, of {evidence.head}"


def terminal(evidence: Evidence) -> Iterator[str]:
    """Every graph is over, with every task of it."""
    for name, graph in evidence.graphs.items():
        if graph["state"] not in TERMINAL_GRAPH or graph["ended_utc"] is None:
            yield f"{name} is {graph['state']}"
        for task in graph["tasks"]:
            if task["state"] not in TERMINAL_TASK:
                yield f"{name}/{task['id']} is {task['state']}: {task['reason']}"


def final(evidence: Evidence) -> Iterator[str]:
    """What is over stays so, unless it was revived by name; and nothing starts before what it waits for is over."""
    over: set[tuple[str, str]] = set()
    before: dict[tuple[str, str], list[str]] = {}
    for fact in (fact for outcome in evidence.ledger.outcomes for fact in outcome.facts):
        kind, graph, task = fact["k"], fact.get("graph", ""), fact.get("task", "")
        for document in _documents(fact):
            before[graph, document["id"]] = [
                other if isinstance(other, str) else other["task"] for other in document.get("depends_on", ())
            ]
        if kind in ("task_revived", "graph_reopened"):
            over.discard((graph, task))
        elif kind in ("task_ready", "attempt_starting", "task_ended", "graph_ended") and (graph, task) in over:
            yield f"{graph}/{task} was over, and then: {kind}"
        if kind == "attempt_starting":
            early = [other for other in before.get((graph, task), ()) if (graph, other) not in over]
            yield from (f"{_attempt(fact)} was started before {other} was over" for other in early)
        elif kind in ("task_ended", "graph_ended"):
            over.add((graph, task))


def decisions(evidence: Evidence) -> Iterator[str]:
    """A decision is asked once, and answered once at most, with one of its options; or it is withdrawn."""
    asked = {fact["ref"]: fact for fact in _facts(evidence, "decision_asked")}
    refs = Counter(fact["ref"] for fact in _facts(evidence, "decision_asked"))
    yield from (f"decision {ref} was asked {count} times" for ref, count in refs.items() if count > 1)
    answers = Counter(fact["ref"] for fact in _facts(evidence, "decision_answered"))
    yield from (f"decision {ref} was answered {count} times" for ref, count in answers.items() if count > 1)
    for fact in _facts(evidence, "decision_answered"):
        question = asked.get(fact["ref"])
        if question is not None and fact["choice"] == "withdrawn" and fact.get("by") in WITHDRAWN_BY:
            continue  # what it was about is gone; whoever answers it all the same is told
        if question is None or fact["choice"] not in question["options"]:
            yield f"decision {fact['ref']} was answered {fact['choice']!r}, which it did not offer"


def keys(evidence: Evidence) -> Iterator[str]:
    """A key stands for one graph."""
    taken: dict[str, set[str]] = defaultdict(set)
    for fact in _facts(evidence, "graph_submitted"):
        if fact.get("key") is not None:
            taken[fact["key"]].add(fact["graph"])
    for call in evidence.calls:
        if call.result is not None and call.do.get("key") is not None:
            taken[call.do["key"]].add(call.result["graph"])
    yield from (f"key {key} stands for {sorted(graphs)}" for key, graphs in taken.items() if len(graphs) > 1)


def edits(evidence: Evidence) -> Iterator[str]:
    """What an edit changes is changed once where it was accepted, never where it was refused, at most once else."""
    changed: Counter[str] = Counter()
    for fact in (fact for outcome in evidence.ledger.outcomes for fact in outcome.facts):
        changed.update(_tokens_of_fact(fact))
    accepted = {call.command for call in evidence.calls if call.result is not None}
    unsure = {call.command for call in evidence.calls if call.result is None and call.error is None}
    for call in evidence.calls:
        for token in _tokens_of_call(call):
            count = changed[token]
            least = call.command in accepted
            most = least or call.command in unsure
            if not least <= count <= most:
                yield f"{call}: {token} was carried out {count} times"


def repeats(evidence: Evidence) -> Iterator[str]:
    """A repeated command has the same answer, and another one with its id has none."""
    answers: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in evidence.calls:
        if call.result is not None:
            answers[call.command].append(call)
    for command, calls in answers.items():
        if any(call.do != calls[0].do for call in calls):
            yield f"{command} was accepted with different bodies"
        elif any(call.result != calls[0].result for call in calls):
            yield f"{command} was answered differently: {[call.result for call in calls]}"


def journal(evidence: Evidence) -> Iterator[str]:
    """The journal's own form."""
    yield from evidence.ledger.faults
    answered = {outcome.of for outcome in evidence.ledger.outcomes}
    yield from (f"command {sequence} has no outcome" for sequence in evidence.ledger.commands.keys() - answered)


def strange(evidence: Evidence) -> Iterator[str]:
    """What clients were told makes sense, and nothing died by itself."""
    yield from evidence.strange
    yield from (f"{call} was refused with {call.error}" for call in evidence.calls if call.error in NEVER_SAID)


def substance(evidence: Evidence) -> Iterator[str]:
    """There was something to judge: a round in which nothing happened proves nothing."""
    if not any(call.result is not None for call in evidence.calls):
        yield "no command was accepted"
    if not any(effects.codes for effects in evidence.effects.values()):
        yield "no attempt ran"
    if not evidence.kills:
        yield "nothing was killed"
    if not evidence.consumers or not all(evidence.consumers.values()):
        yield "no consumer was told anything"


#: Name → rule. The first five are the promise; the others are how it is kept.
RULES: Final[dict[str, Rule]] = {
    "accepted commands lost": lost,
    "attempts run twice": twice,
    "wrong exit codes": exit_codes,
    "orphans": orphans,
    "unknown": unknown,
    "gaps or duplicates of events": events,
    "acknowledged and told again, or not told": named,
    "graphs that never ended": terminal,
    "ends that were none, starts too early": final,
    "decisions not answered once": decisions,
    "keys with two graphs": keys,
    "edits not applied once": edits,
    "answers that changed": repeats,
    "commands nobody sent, or refused": unasked,
    "attempts without a beginning or an end": attempts,
    "faults of the journal": journal,
    "strange things": strange,
    "nothing to judge": substance,
}


# --- the evidence, looked at from another side -----------------------------------------------------------------------


def _facts(evidence: Evidence, kind: str) -> Iterator[dict[str, Any]]:
    return (fact for outcome in evidence.ledger.outcomes for fact in outcome.facts if fact["k"] == kind)


def _documents(fact: dict[str, Any]) -> list[dict[str, Any]]:
    """The tasks that it brings."""
    match fact["k"]:
        case "graph_submitted":
            tasks: list[dict[str, Any]] = fact["document"]["tasks"]
            return tasks
        case "tasks_added":
            added: list[dict[str, Any]] = fact["documents"]
            return added
        case "task_updated":
            return [fact["document"]]
        case _:
            return []


def _graphs_of(evidence: Evidence, kind: str) -> set[str]:
    return {fact["graph"] for fact in _facts(evidence, kind)}


def _attempt(fact: dict[str, Any]) -> str:
    return f"{fact['graph']}/{fact['task']}/{fact['attempt']}"


def _stored(evidence: Evidence) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Command → the replies that are in the journal."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for outcome in evidence.ledger.outcomes:
        if outcome.of is not None and outcome.of in evidence.ledger.commands:
            client, name, _ = evidence.ledger.commands[outcome.of]
            found[client, name].append(outcome.reply or {})
    return found


def _same(stored: dict[str, Any] | None, told: dict[str, Any]) -> bool:
    """The stored reply leaves out what is at its default."""
    return stored is not None and all(told.get(name) == value for name, value in stored.items())


def _told(event: dict[str, Any]) -> tuple[Any, ...]:
    data = event.get("data") or {}
    ended = (data.get("exit_code"), data.get("class")) if event["kind"] == "attempt_ended" else ()
    return event["kind"], event.get("graph"), event.get("task"), *ended


def _meant(fact: dict[str, Any]) -> tuple[Any, ...]:
    ended = (fact.get("exit_code"), fact.get("cls")) if fact["k"] == "attempt_ended" else ()
    return fact["k"], fact.get("graph"), fact.get("task"), *ended


def _tokens_of_call(call: Call) -> list[str]:
    match call.do["type"]:
        case "add_tasks":
            return [task["id"] for task in call.do["tasks"]]
        case "update_task":
            return [call.do["set"]["title"]]
        case "pause":
            return [call.do["reason"]]
        case _:
            return []


def _tokens_of_fact(fact: dict[str, Any]) -> list[str]:
    match fact["k"]:
        case "tasks_added":
            return [document["id"] for document in fact["documents"]]
        case "task_updated":
            return [fact["document"].get("title", "")]
        case "graph_paused":
            return [fact.get("reason", "")]
        case _:
            return []
