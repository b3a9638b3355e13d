"""Every option of a task reaches its execution unchanged: file, client, daemon, journal, restart, launch.

The fault of the script that this grew out of: per-task options dropped in silence. Each hop here is the real one;
what a host is told at the end (Launch) and what the machine goes by (TaskSpec) are held against what was written.
"""

import json
import re
import tempfile
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, assume, given, settings
from msgspec.structs import replace
from property.test_documents import graphs

from orch_actors.actors.attempts.launching import launch_of
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.machine import Machine
from orch_actors.actors.journal.disk import RealDisk
from orch_actors.actors.journal.writer import Journal
from orch_actors.actors.recovery.history import OutcomeLine
from orch_actors.actors.recovery.history import encode as encode_line
from orch_actors.actors.recovery.replaying import Replay
from orch_actors.actors.translating import stimulus_of
from orch_actors.protocol import codec
from orch_actors.protocol.messages import Request
from orch_actors.protocol.settings import Settings, WorkerSettings
from orch_actors.protocol.spec.document import to_document
from orch_actors.protocol.spec.graph import Artifacts, GraphSpec, TaskSpec
from orch_actors.protocol.spec.judging import JudgeForm
from orch_actors.protocol.spec.load import check_file
from orch_actors.protocol.submission import submission

NOW = 1_000_000.0
#: Failure classes after which there may be another attempt.
RETRIABLE = ("exit", "timeout", "validation", "spawn")


def sound(spec: GraphSpec) -> GraphSpec:
    """The graph with every generated value that a new submission may not have replaced by one that it may."""
    wall = spec.limits.wall or None
    return replace(spec, limits=replace(spec.limits, wall=wall), tasks=tuple(sound_task(task) for task in spec.tasks))


def sound_artifacts(artifacts: Artifacts) -> Artifacts:
    paths = tuple(name.strip() or "x" for name in artifacts.paths)
    return Artifacts(paths=paths, copy=artifacts.copy and bool(paths))


def sound_task(task: TaskSpec) -> TaskSpec:
    retry, validate = task.retry, task.validate
    retry = replace(
        retry, on=RETRIABLE[: len(retry.on)], exit_codes=tuple(sorted({max(1, code) for code in retry.exit_codes}))
    )
    if validate is not None:
        validate = replace(
            validate,
            command=validate.command or "true",
            files=tuple(name.strip() or "x" for name in validate.files),
            pattern=None if validate.pattern is None else re.escape(validate.pattern) or ".",
            timeout=validate.timeout or 1.0,
        )
    return replace(
        task,
        retry=retry,
        validate=validate,
        artifacts=sound_artifacts(task.artifacts),
        judge=None if task.judge is None else sound_judge(task.judge),
        decisions=sound_judge(task.decisions),
        ask=replace(task.ask, deadline=task.ask.deadline or None, default="reject" if task.approve else None),
        timeout=task.timeout or None,
        idle_timeout=task.idle_timeout or None,
        deadline=task.deadline or None,
        secrets={name: secret for name, secret in task.secrets.items() if name not in task.env},
        resources={name.strip() or "x": amount for name, amount in task.resources.items()},
        exclusive=tuple(name.strip() or "x" for name in task.exclusive),
        budget=replace(task.budget, wall=task.budget.wall or None),
    )


def sound_judge(form: JudgeForm) -> JudgeForm:
    """The judge as one of a built-in worker type, with nothing that its kind has no use for."""
    form = replace(form, kind="", timeout=form.timeout or 1.0)
    for_agents = {"prompt": "", "model": None, "budget_usd": None}
    if form.command:
        return replace(form, worker="shell", call=None, script=None, args=[], **for_agents)
    if form.call is not None:
        return replace(form, worker="python", command=None, script=None, **for_agents)
    return replace(form, worker="claude", command=None, call=None, script=None, args=[])


def everything_there(spec: GraphSpec) -> dict[str, float]:
    """Capacities in which every task of the graph finds room."""
    return {name: 1e12 for task in spec.tasks for name in task.resources}


def every_worker_type(spec: GraphSpec) -> Settings:
    """A configuration that has the worker types of every task."""
    return Settings(workers={task.worker: WorkerSettings(kind=task.kind or None) for task in spec.tasks})


def configured(machine: Machine, resources: dict[str, float], settings: Settings) -> None:
    limits = dict.fromkeys(settings.worker_types(), 1000)
    machine.handle(s.WorkerTypesConfigured(limits=limits, resources=resources, kinds=settings.worker_types()), NOW)
    machine.handle(s.Recovered(), NOW)


def through_a_file(spec: GraphSpec, folder: Path, settings: Settings) -> tuple[dict, str]:
    path = folder / "graph.json"
    # A reader of files fills in parameters: what looks like one is written so that it stays as it is.
    text = json.dumps(to_document(spec)).replace("${params.", "$${params.")
    assume(not re.search(r"\$\{(tasks?|param)\.", text))  # a reference that nobody meant is refused
    path.write_text(text, "utf-8")
    document, checked, base_dir = check_file(str(path), {}, workers=settings.worker_types())
    assert checked == spec
    return document, base_dir


def over_the_wire(document: dict, base_dir: str, encoding: str) -> Request:
    do = submission(document, key=None, base_dir=base_dir, environment={"PATH": "/bin"}, dry_run=False)
    body = codec.encode(Request(id="0" * 32, client="c", do=do), encoding)
    return codec.REQUEST.decode(body)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(spec=graphs().map(sound))
def test_options_survive_from_file_to_execution(spec: GraphSpec) -> None:
    resources, configuration = everything_there(spec), every_worker_type(spec)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document, base_dir = through_a_file(spec, folder, configuration)
        for encoding in ("json", "msgpack"):
            request = over_the_wire(document, base_dir, encoding)
        live = Machine("boot")
        configured(live, resources, configuration)
        journal, _, _ = Journal.open(RealDisk(), str(folder))
        step = live.handle(stimulus_of(request.do, request.client, configuration), NOW)
        journal.add("outcome", encode_line(OutcomeLine(of=None, at=NOW, e=1, facts=step.facts)))
        journal.close()

        replay = Replay()
        reopened, found = Journal.resume(RealDisk(), str(folder), replay)
        reopened.close()
        assert not found.torn
        again = Machine("boot", state=replay.state)
        configured(again, resources, configuration)
        started = started_by(again) | started_by(live)
        for machine in (live, again):
            graph = machine.state.graphs["g1"]
            assert graph.spec == msgspec.structs.replace(spec, tasks=())
            written = [name for name in graph.tasks if "#" not in name]  # the others are judges of a gate
            assert written == [task_spec.id for task_spec in spec.tasks]
            for task_spec in spec.tasks:
                assert graph.tasks[task_spec.id].spec == task_spec
        assert started or all(task.depends_on or task.approve for task in spec.tasks)
        for task_spec in spec.tasks:
            if task_spec.id in started:
                told = told_to_the_host(again, task_spec.id)
                assert told["work"] == plain(task_spec.work)
                assert told["cwd"] == task_spec.cwd
                assert told["env"] == {"PATH": "/bin", **task_spec.env}
                assert told["secrets"] == plain(task_spec.secrets)
                assert told["grace_s"] == task_spec.grace
                assert told["idle_timeout_s"] == task_spec.idle_timeout
                assert told["validate"] == plain(task_spec.validate)
                assert bool(told["worktree"]) == bool(told["branch"]) == task_spec.worktree
                assert told["artifacts"] == plain(task_spec.artifacts.paths)
                assert (told["copies_limit"] is not None) == task_spec.artifacts.copy


def plain(value: object) -> object:
    """As it looks after it has travelled."""
    return msgspec.json.decode(msgspec.json.encode(value))


def started_by(machine: Machine) -> set[str]:
    """Let all worker types come up; ids of the tasks that start, with their bounds of time armed as written."""
    found: set[str] = set()
    for worker in list(machine.state.workers):
        step = machine.handle(s.WorkerReady(worker=worker), NOW)
        timers = {e.key.task: e.delay_s for e in step.effects if isinstance(e, s.ArmTimer) and e.key.kind == "timeout"}
        for effect in step.effects:
            if isinstance(effect, s.StartAttempt):
                found.add(effect.task)
                timeout = machine.state.task("g1", effect.task).spec.timeout
                owner = machine.state.task("g1", effect.task.partition("#")[0])  # a judge's time is its task's
                bounds = [bound for bound in (timeout, owner.spec.budget.wall) if bound is not None]
                assert timers.get(effect.task) == min(bounds, default=None)
    return found


def told_to_the_host(machine: Machine, task_id: str) -> dict:
    task = machine.state.task("g1", task_id)
    launch = launch_of(task, 1, folder="/f", environment={}, settings=Settings(), umask=None)
    body = codec.encode(launch)
    return msgspec.to_builtins(msgspec.msgpack.decode(body))
