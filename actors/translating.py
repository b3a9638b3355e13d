"""Between what travels and what the machine handles. Pure.

Parsing of documents happens here, once, on the daemon's side: what reaches the machine is checked whole.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.facts import NOTHING
from orch_actors.actors.recovery.history import digest_of
from orch_actors.protocol import hostwire, messages
from orch_actors.protocol.environment import allowed_variables
from orch_actors.protocol.errors import Refused
from orch_actors.protocol.ids import split_attempt_id
from orch_actors.protocol.settings import Settings
from orch_actors.protocol.spec.graph import GraphSpec
from orch_actors.protocol.spec.parse import parse_graph
from orch_actors.protocol.spec.places import Findings
from orch_actors.protocol.workers import WorkerSettings, lacking_in

#: A result up to this size is kept in the journal and in memory; bytes of JSON. A larger one stays in its file.
INLINE_RESULT_BYTES = 16 * 1024


def _check_programs(spec: GraphSpec, settings: Settings) -> None:
    """Refuse what the programs of described worker types cannot be told; of what is added later a host says so."""
    findings = Findings()
    for index, task in enumerate(spec.tasks):
        findings.name_task(index, {"id": task.id})
        if task.kind == "agent":
            for field, message in lacking_in(task.work, settings.workers.get(task.worker, WorkerSettings())):
                findings.add(("tasks", index, field), message)
    if findings:
        findings.refuse()


def stimulus_of(do: messages.Command, client: str, settings: Settings, events: range = range(1, 1)) -> s.Stimulus:
    """The stimulus that a command stands for.

    `settings` have worker types, and defaults for every task; `events` are the numbers of those that can be read.

    Raises:
        Refused: INVALID_GRAPH, with all problems.
    """
    match do:
        case messages.SubmitGraph():
            body = msgspec.structs.replace(do, key=None, environment={}, parent="")
            spec = parse_graph(
                _with_defaults(do.graph, settings.defaults), base_dir=do.base_dir, workers=settings.worker_types()
            )
            _check_programs(spec, settings)
            return s.GraphOffered(
                spec=spec,
                digest=digest_of(body),
                client=client,
                key=do.key,
                environment=allowed_variables(do.environment),
                parent=do.parent,
                dry_run=do.dry_run,
            )
        case messages.Cancel():
            return s.CancelAsked(
                graph=do.graph, task=do.task, reason=do.reason, if_version=do.if_version, dry_run=do.dry_run
            )
        case messages.Decide():
            return s.DecisionMade(ref=do.ref, choice=do.choice, note=do.note, by=client)
        case messages.Ask():
            return s.QuestionAsked(
                graph=do.graph,
                task=do.task,
                question=do.question,
                options=do.options,
                default=do.default,
                deadline_s=do.deadline,
            )
        case messages.Pause():
            return s.PauseAsked(
                graph=do.graph, worker=do.worker, reason=do.reason, if_version=do.if_version, dry_run=do.dry_run
            )
        case messages.Resume():
            return s.ResumeAsked(graph=do.graph, worker=do.worker, if_version=do.if_version, dry_run=do.dry_run)
        case messages.Prune():
            return s.PruneAsked(graphs=do.graphs, older_than_s=do.older_than, keep=do.keep, dry_run=do.dry_run)
        case messages.SetLimit():
            return s.LimitAsked(
                graph=do.graph, worker=do.worker, parallel=do.parallel, if_version=do.if_version, dry_run=do.dry_run
            )
        case messages.SetBudget():
            return s.BudgetAsked(graph=do.graph, set=do.set, if_version=do.if_version, dry_run=do.dry_run)
        case messages.OpenConsumer():
            return s.ConsumerWanted(
                consumer=do.consumer,
                since=do.since,
                kinds=do.kinds,
                graphs=do.graphs,
                oldest=events.start,
                head=events.stop - 1,
            )
        case messages.ForgetConsumers():
            return s.ConsumersUnwanted(consumers=do.consumers, idle_s=do.idle)
        case _:
            return _edit_of(do, settings.defaults)


def _with_defaults(document: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The graph's own defaults count before the daemon's."""
    own = document.get("defaults", {})
    if not defaults or not isinstance(own, dict):
        return document
    return {**document, "defaults": {**defaults, **own}}


def _edit_of(
    do: messages.AddTasks | messages.UpdateTask | messages.RetryTasks, defaults: Mapping[str, Any]
) -> s.Stimulus:
    match do:
        case messages.AddTasks():
            return s.TasksOffered(
                graph=do.graph,
                tasks=do.tasks,
                base_dir=do.base_dir,
                defaults=defaults,
                if_version=do.if_version,
                dry_run=do.dry_run,
            )
        case messages.UpdateTask():
            return s.UpdateAsked(
                graph=do.graph,
                task=do.task,
                set=do.set,
                base_dir=do.base_dir,
                if_version=do.if_version,
                dry_run=do.dry_run,
            )
        case messages.RetryTasks():
            if do.set and do.task is None:
                raise Refused.because("INVALID_REQUEST", "changes need the one task that they are for", "name it")
            return s.RetryAsked(
                graph=do.graph,
                task=do.task,
                set=do.set,
                base_dir=do.base_dir,
                if_version=do.if_version,
                dry_run=do.dry_run,
            )


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
        invalid=said.invalid,
        question=said.question,
        tail=said.tail,
        checked=said.checked,
        artifacts=said.artifacts,
        usage=said.usage,
        session=said.session,
        reset_utc=said.reset_utc,
        cls=said.cls,
    )
