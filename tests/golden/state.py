"""What a journal comes to, as plain data: in the words of SPEC.md's views where there are any, so that it can be held
against what any later version makes of the same files, whatever that version looks like inside.

Left out are words made for people as they look (why a task waits). Fields may be added by a later version, none may
change: see `lacks`.
"""

import os

import msgspec

from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.machine import Machine
from orch_actors.actors.host import record
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.writer import Journal
from orch_actors.actors.recovery.replaying import Replay
from orch_actors.actors.views import projection
from orch_actors.actors.views.past import events_after
from orch_actors.actors.views.telling import event_of

#: When the journal is looked at; after all that is in it.
LATER_UTC = 1_769_860_000.0


def journal_state(folder):
    """All that a daemon goes on from when it opens the journal in `folder`, which is changed as by any start."""
    replay = Replay()
    journal, _ = Journal.resume(RealDisk(), str(folder), replay, now_utc=lambda: LATER_UTC)
    journal.close()
    came, state = replay.finish(), replay.state
    machine = Machine("boot-3", journal.id, state)
    events = events_after(str(folder), 0)
    found = {
        "journal": journal.id,
        "sequences": journal.last,
        "head": came.head,
        "graphs": [graph_state(state, graph) for graph in state.graphs.values()],
        "decisions": [projection.decision_view(decision) for decision in state.decisions.values()],
        "consumers": [projection.consumer_view(consumer, came.head) for consumer in state.consumers.values()],
        "workers": {name: worker_state(record) for name, record in sorted(state.workers.items())},
        "quarantine": sorted(state.quarantine),
        "in_flight": {worker: sorted(tasks) for worker, tasks in sorted(state.in_flight.items()) if tasks},
        "keys": state.keys,
        "answers": [answer_state(*key, answer) for key, answer in came.answers._table.items()],
        "undecided": {str(sequence): line for sequence, line in came.unprocessed.items()},
        "events": [event_of(told.fact, told.seq, told.at_utc) for told in events],
        "due": due(machine),
    }
    return msgspec.to_builtins(found)


def graph_state(state, graph):
    """A graph as clients see it, and what its tasks are to do."""
    view = msgspec.to_builtins(projection.graph_view(state, graph, "/attempts"))
    for task in view["tasks"]:
        del task["reason"]
        task["spec"] = everything(graph.tasks[task["id"]].spec)
    return view


def worker_state(record):
    """What the journal knows of a worker type."""
    return {
        "limit": record.override,
        "paused": record.paused,
        "reason": record.pause_reason,
        "until_utc": record.paused_until_utc,
        "parked": record.parked,
    }


def answer_state(client, command, answer):
    """A command's reply, and what tells its body from another's."""
    reply = msgspec.json.decode(answer.reply)
    return {"client": client, "id": command, "digest": answer.digest, "at_utc": answer.at_utc, "reply": reply}


def everything(value):
    """As plain data, defaults and all: what was left out may mean nothing else in a later version."""
    if isinstance(value, msgspec.Struct):
        return {name: everything(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, list | tuple):
        return [everything(one) for one in value]
    if isinstance(value, dict):
        return {key: everything(one) for key, one in value.items()}
    return value


def due(machine):
    """What a start arms: the timer, and seconds from then."""
    step = machine.handle(s.Recovered(), LATER_UTC)
    armed = [effect for effect in step.effects if isinstance(effect, s.ArmTimer)]
    rows = [{**msgspec.structs.asdict(effect.key), "in_s": round(effect.delay_s, 3)} for effect in armed]
    return sorted(rows, key=lambda row: tuple(map(str, row.values())))


def attempts_state(folder):
    """What is seen of each record of an attempt."""
    found = {}
    for name in sorted(os.listdir(folder)):
        seen = msgspec.to_builtins(record.read(os.path.join(folder, name)))
        del seen["changed_utc"]
        found[name] = seen
    return found


def lacks(expected, found, path="$"):
    """Every place where what is expected is not there: fields may be added to objects, and nothing else may differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            if key not in found:
                yield f"{path}.{key}: is gone"
            else:
                yield from lacks(value, found[key], f"{path}.{key}")
    elif isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        if len(expected) != len(found):
            yield f"{path}: has {len(found)} items, {len(expected)} are expected"
        for at, (one, other) in enumerate(zip(expected, found, strict=False)):
            yield from lacks(one, other, f"{path}[{at}]")
    elif expected != found or isinstance(expected, bool) != isinstance(found, bool):
        yield f"{path}: {expected!r} is expected, {found!r} is there"
