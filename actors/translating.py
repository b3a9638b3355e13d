"""Between what travels and what the machine handles. Pure.

Parsing of documents happens here, once, on the daemon's side: what reaches the machine is checked whole.
"""

import msgspec
from msgspec import Raw

from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.facts import NOTHING
from orch_actors.actors.history import digest_of
from orch_actors.protocol import hostwire, messages
from orch_actors.protocol.environment import allowed_variables
from orch_actors.protocol.ids import split_attempt_id
from orch_actors.protocol.spec.parse import parse_graph

#: A result up to this size is kept in the journal and in memory; bytes of JSON. A larger one stays in its file.
INLINE_RESULT_BYTES = 16 * 1024


def stimulus_of(do: messages.Command, client: str) -> s.Stimulus:
    """The stimulus that a command stands for.

    Raises:
        Refused: INVALID_GRAPH, with all problems.
    """
    match do:
        case messages.SubmitGraph():
            body = msgspec.structs.replace(do, key=None, environment={})
            return s.GraphOffered(
                spec=parse_graph(do.graph, base_dir=do.base_dir),
                digest=digest_of(body),
                client=client,
                key=do.key,
                environment=allowed_variables(do.environment),
            )
        case messages.Cancel():
            return s.CancelAsked(graph=do.graph, task=do.task, reason=do.reason)


def over_of(said: hostwire.AttemptEnded) -> s.AttemptOver:
    """A host's news of an end."""
    graph, task, number = split_attempt_id(said.attempt)
    result, in_file = NOTHING, False
    if said.result is not None:
        text = msgspec.json.encode(msgspec.msgpack.decode(said.result))
        in_file = len(text) > INLINE_RESULT_BYTES
        result = NOTHING if in_file else Raw(text)
    return s.AttemptOver(
        graph=graph,
        task=task,
        attempt=number,
        ending=said.ending,
        exit_code=said.exit_code,
        message=said.message,
        started_utc=said.started_utc,
        ended_utc=said.ended_utc,
        duration_s=said.duration_s,
        result=result,
        result_in_file=in_file,
        result_fault=said.result_fault,
    )
