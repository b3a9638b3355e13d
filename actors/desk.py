"""The desk: the supervisor's way out. It performs effects and answers queries; it decides nothing.

Everything here runs in the supervisor's thread and only hands things on: to the gateway, the timekeeper, the
workforce and the archivist, none of which makes it wait.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Literal

import msgspec
import pykka
from loguru import logger

from orch_actors.actors.actor import InboxFull, describe
from orch_actors.actors.attempts.launching import graph_folder, launch_of
from orch_actors.actors.attempts.references import MissingReference
from orch_actors.actors.compaction.compactor import Compactor, Progress
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.nodes import WorkerType
from orch_actors.actors.core.state import State
from orch_actors.actors.gateway.gateway import Gateway
from orch_actors.actors.handover import Handover
from orch_actors.actors.inside import (
    ActorsDue,
    HandoverDue,
    HostAnswered,
    HostsConfigured,
    HostSpoke,
    LaunchFailed,
    Origin,
    PruneDue,
    ReadContext,
    ReadLogFile,
    ReadOldEvents,
    ReadResultFile,
    ReadStory,
    ReleaseHost,
    RemoveFiles,
    RetireSegments,
    RoomDue,
    SegmentsClosed,
    SweepFiles,
    TimerDue,
    WakeHost,
)
from orch_actors.actors.process.no_room import is_no_room
from orch_actors.actors.recovery.history import Told
from orch_actors.actors.roster import Roster
from orch_actors.actors.timekeeper import Timekeeper
from orch_actors.actors.views import projection, queries
from orch_actors.actors.wayout import Asker
from orch_actors.actors.workforce import HostRecord, Workforce
from orch_actors.protocol import codec, hostwire, messages
from orch_actors.protocol.errors import EnvironmentFault, ErrorInfo
from orch_actors.protocol.homes import Home, ensure_private
from orch_actors.protocol.ids import attempt_id
from orch_actors.protocol.settings import Settings
from orch_actors.protocol.version import VERSION
from orch_actors.protocol.views import ActorView, StatusView, SupervisorView, TrafficView, WorkerView, utc_text

#: How long hosts have to describe their actors.
ROSTER_WAIT_S = 1.0


class Desk:
    """See the module. `attach` gives it the neighbours that are made after it."""

    def __init__(
        self,
        home: Home,
        *,
        journal: str,
        boot: str,
        gateway: Gateway,
        timekeeper: Timekeeper,
        started_utc: float,
        umask: int,
        progress: Progress,
        tcp_events: str | None = None,
    ) -> None:
        self._progress = progress
        self._home, self._journal, self._boot = home, journal, boot
        self._gateway, self._timekeeper = gateway, timekeeper
        self._started_utc = started_utc
        self._umask = umask
        #: A client by tcp knows the host best: it is there already, perhaps through a tunnel.
        self._tcp_events = "tcp://*:" + tcp_events.rpartition(":")[2] if tcp_events is not None else ""
        self.pid = os.getpid()
        self.adopted = 0
        #: The first settings are those of the start.
        self._reloads = -1
        self.roster = Roster(self._finish_roster)
        self.handover = Handover(gateway.to_host, self._remind_of_handover)
        self._folders: set[str] = set()
        self._settings = Settings()
        self._workforce: pykka.ActorRef[Workforce]
        self._archivist: pykka.ActorRef[Any]
        self._compactor: pykka.ActorRef[Compactor]
        self._supervisor: pykka.ActorRef[Any]
        self._wake_courier: Callable[[], None]
        self._hosts: Mapping[str, HostRecord] = {}
        self._asker: Asker

    def attach(
        self,
        *,
        supervisor: "pykka.ActorRef[Any]",
        workforce: "pykka.ActorRef[Workforce]",
        archivist: "pykka.ActorRef[Any]",
        compactor: "pykka.ActorRef[Compactor]",
        hosts: Mapping[str, HostRecord],
        wake_courier: Callable[[], None],
    ) -> None:
        """Make the neighbours known; before the first message reaches the supervisor."""
        self._wake_courier = wake_courier
        self._supervisor, self._workforce, self._archivist = supervisor, workforce, archivist
        self._hosts, self._compactor = hosts, compactor

    # --- effects --------------------------------------------------------------------------------------------------

    def perform(self, effect: s.Effect, hosts: Mapping[str, str], state: State) -> None:
        """Do what the machine asked for. What needs a host that is gone is left: its successor is told anew."""
        match effect:
            case s.StartAttempt() | s.AdoptAttempt():
                self._launch(effect, hosts, state)
            case s.StopAttempt(worker=worker, graph=graph, task=task, attempt=number):
                name = attempt_id(graph, task, number)
                if worker in hosts and not self.handover.take_back(hosts[worker], name):
                    self._gateway.to_host(hosts[worker], hostwire.StopAttempt(attempt=name))
            case s.ArmTimer(key=key, delay_s=delay_s):
                self._timekeeper.arm(key, delay_s, lambda: self._tell_supervisor(TimerDue(key)))
            case s.DisarmTimer(key=key):
                self._timekeeper.disarm(key)
            case s.ForgetGraph(graph=graph):
                self._folders.discard(graph)
                with suppress(InboxFull):  # the files stay until `sweep`
                    self._archivist.tell(RemoveFiles(self.folder_of(graph)))
            case s.WakeWorker(worker=worker):
                self._workforce.tell(WakeHost(worker))
            case s.ReleaseWorker(worker=worker):
                self._workforce.tell(ReleaseHost(worker))
            case s.WakeCourier():
                self._wake_courier()
            case _:
                raise TypeError(f"nobody performs {type(effect).__name__}")

    def _launch(self, effect: s.StartAttempt | s.AdoptAttempt, hosts: Mapping[str, str], state: State) -> None:
        host = hosts.get(effect.worker)
        if host is None:
            return
        task, number = state.task(effect.graph, effect.task), effect.attempt
        folder = self.folder_of(effect.graph)
        if effect.graph not in self._folders:
            try:
                for part in (os.path.dirname(folder), folder):
                    ensure_private(part)
                self._folders.add(effect.graph)
            except EnvironmentFault as fault:
                logger.error("{} ({})", fault.message, fault.hint)
                cls: Literal["spawn", "disk_full"] = "disk_full" if is_no_room(fault.__cause__) else "spawn"
                # Without its folder it has no record; in this boot that means that it never began.
                never_began = cls == "disk_full" and task.attempts[number - 1].boot == self._boot
                self._fail_launch(effect, cls, f"{fault.message}; {fault.hint}", never_began=never_began)
                return
        make = partial(
            launch_of,
            task,
            number,
            folder=folder,
            environment=os.environ,
            settings=self._settings,
            journal=self._journal,
            state=state,
            umask=self._umask,
        )
        missing = ""
        try:
            launch = make()
        except MissingReference as error:
            if isinstance(effect, s.StartAttempt):
                self._fail_launch(effect, "reference", str(error))
                return
            # It may run, or be over: only its record can tell, and nobody needs the result for that.
            launch, missing = make(fill=False), str(error)
        if isinstance(effect, s.AdoptAttempt):
            adopt = hostwire.AdoptAttempt(launch=launch, stopping=effect.stopping, unfilled=missing)
            self.handover.give(host, adopt)
        else:
            self.handover.give(host, hostwire.StartAttempt(launch=launch))

    def _fail_launch(
        self,
        effect: s.StartAttempt | s.AdoptAttempt,
        cls: Literal["reference", "spawn", "disk_full"],
        message: str,
        *,
        never_began: bool = False,
    ) -> None:
        adopted = isinstance(effect, s.AdoptAttempt) and not never_began
        self._tell_supervisor(LaunchFailed(effect.graph, effect.task, effect.attempt, message, cls, adopted))

    def configure(self, settings: Settings) -> None:
        """Take settings over."""
        self._settings = settings
        self._reloads += 1
        self._workforce.tell(HostsConfigured(settings.hosts))

    def look_for_room_in(self, delay_s: float) -> None:
        """Remind the supervisor to look whether the disk has room again."""
        self._timekeeper.arm("room", delay_s, lambda: self._tell_supervisor(RoomDue()))

    def prune_in(self, delay_s: float) -> None:
        """Remind the supervisor to look for graphs that need not be kept."""
        self._timekeeper.arm("prune", delay_s, lambda: self._tell_supervisor(PruneDue()))

    def _remind_of_handover(self, host: str, attempt: str, delay_s: float) -> None:
        due = HandoverDue(host, attempt)
        self._timekeeper.arm(("handover", host), delay_s, lambda: self._tell_supervisor(due))

    def sweep(self, state: State) -> None:
        """Have the files removed of graphs that were forgotten and whose files are still there."""
        folder = os.path.dirname(self.folder_of("g0"))
        with suppress(InboxFull):
            self._archivist.tell(SweepFiles(folder, state.last_graph, frozenset(state.graphs)))

    def compact(self, through: int) -> None:
        """Have a snapshot made of the journal's segments up to this one, which are closed."""
        self._progress.change(running=True)  # as whoever asks for it sees at once
        self._compactor.tell(SegmentsClosed(through))

    def retire(self, segments: tuple[int, ...]) -> None:
        """Have these segments removed, which nobody needs any more."""
        self._compactor.tell(RetireSegments(segments))

    def folder_of(self, graph: str) -> str:
        """Where a graph's attempts keep their files."""
        return graph_folder(self._home.attempts, self._journal, graph)

    def _tell_supervisor(self, message: TimerDue | ActorsDue | HandoverDue | LaunchFailed | PruneDue | RoomDue) -> None:
        with suppress(pykka.ActorDeadError):  # it is on its way out
            self._supervisor.tell(message)

    def host_spoke(self, host: str, said: hostwire.HostReady | hostwire.Pong) -> None:
        """Pass on that a host is ready, or lives; the workforce knows which one counts."""
        self._workforce.tell(HostSpoke(host) if isinstance(said, hostwire.HostReady) else HostAnswered(host))

    def reply(self, origin: Origin, body: bytes) -> None:
        """Send a reply."""
        self._gateway.reply(origin, body)

    def publish(self, told: list[Told]) -> None:
        """Tell subscribers."""
        self._gateway.publish(told)

    def encode_reply(self, origin: Origin, what: messages.Result | ErrorInfo) -> bytes:
        """A result or error, as the origin wants it."""
        if isinstance(what, ErrorInfo):
            reply = messages.Reply(id=origin.request_id, error=what)
        else:
            reply = messages.Reply(id=origin.request_id, result=what)
        return codec.encode(reply, origin.encoding)

    # --- queries --------------------------------------------------------------------------------------------------

    def query(self, asker: Asker, origin: Origin, query: messages.Query, state: State) -> None:
        """Answer a query, now or through the archivist.

        Raises:
            Refused: it asks for what there is not.
        """
        found = self._find(asker, origin, query, state)
        if isinstance(found, ReadLogFile | ReadResultFile | ReadOldEvents | ReadStory | ReadContext):
            reading = found
            asker.after(lambda: self._read(reading))  # it may speak of facts of this very batch
        elif found is not None:
            asker.answer(origin, found)

    def _read(self, asked: ReadLogFile | ReadResultFile | ReadOldEvents | ReadStory | ReadContext) -> None:
        """Have the archivist answer; where too many wait for it, say so."""
        try:
            self._archivist.tell(asked)
        except InboxFull as full:
            overloaded = ErrorInfo(
                code="OVERLOADED",
                message=f"more than {full.limit} requests to read files wait",
                hint="try again in a moment",
                retriable=True,
            )
            self.reply(asked.origin, self.encode_reply(asked.origin, overloaded))

    def _find(
        self, asker: Asker, origin: Origin, query: messages.Query, state: State
    ) -> messages.Result | ReadLogFile | ReadResultFile | ReadOldEvents | ReadStory | ReadContext | None:
        match query:
            case messages.Hello():
                return self._welcome(asker, origin)
            case messages.GetStatus():
                return messages.Status(status=self._status(asker, state))
            case messages.GetGraph():
                return queries.get_graph(state, query, self.folder_of)
            case messages.GetSummaries():
                return queries.get_summaries(state, query, asker.head)
            case messages.GetResult():
                return queries.get_result(state, query, origin, self.folder_of)
            case messages.ReadLog():
                return queries.read_log(state, query, origin, self.folder_of)
            case messages.ReadEvents():
                return queries.read_events(state, query, asker.recent(), asker.events, origin)
            case messages.GetConsumers():
                return queries.get_consumers(state, asker.head)
            case messages.GetDecisions():
                return queries.get_decisions(state, query)
            case messages.GetDecision():
                return queries.get_decision(state, query)
            case messages.Why():
                return queries.get_why(state, query, origin, asker.recent(), asker.head)
            case messages.GetContext():
                return queries.get_context(state, query, origin, self.folder_of)
            case messages.ListActors():
                self._ask_roster(asker, origin)
                return None
            case messages.Shutdown() | messages.AckEvents() | messages.Compact():
                raise TypeError("the supervisor handles this itself")

    def _welcome(self, asker: Asker, origin: Origin) -> messages.Welcome:
        return messages.Welcome(
            version=VERSION,
            journal=self._journal,
            boot=self._boot,
            pid=self.pid,
            home=self._home.path,
            head=asker.head,
            oldest=asker.events.start,
            events=self._tcp_events if origin.by_tcp else self._home.events,
        )

    def _status(self, asker: Asker, state: State) -> StatusView:
        supervisor = SupervisorView(
            pid=self.pid,
            version=VERSION,
            home=self._home.path,
            endpoint=self._home.commands,
            started_utc=utc_text(self._started_utc),
            events=self._home.events,
            journal=self._journal,
            adopted=self.adopted,
            reloads=self._reloads,
            disk=asker.lacking,
        )
        graphs = tuple(projection.summary(graph) for graph in state.graphs.values())
        return StatusView(
            supervisor=supervisor,
            workers=self._workers(state),
            graphs=graphs,
            traffic=self._traffic(state, asker.head),
            compaction=self._progress.view,
        )

    def _traffic(self, state: State, head: int) -> TrafficView:
        consumers = state.consumers.values()
        return msgspec.structs.replace(
            self._gateway.traffic(),
            consumers=len(consumers),
            behind=max((head - consumer.cursor for consumer in consumers), default=0),
        )

    def _workers(self, state: State) -> tuple[WorkerView, ...]:
        found = []
        for worker, record in state.workers.items():
            host = self._hosts.get(worker, HostRecord())
            process = host.process  # the workforce may change it meanwhile
            found.append(
                WorkerView(
                    type=worker,
                    pid=process.pid if process is not None else None,
                    state="parked" if record.parked else host.state,
                    running=record.running,
                    limit=record.limit,
                    restarts=host.restarts,
                    reason="; ".join(text for text in (_paused(record), _parked(record) or host.reason) if text),
                )
            )
        return tuple(found)

    # --- the living tree -------------------------------------------------------------------------------------------

    def _ask_roster(self, asker: Asker, origin: Origin) -> None:
        self._asker = asker
        ready = {record.name for record in list(self._hosts.values()) if record.state == "ready"}
        ticket = self.roster.open(origin, ready)
        for host in ready:
            self._gateway.to_host(host, hostwire.DescribeActors(ticket=ticket))
        wait_s = ROSTER_WAIT_S if ready else 0.0
        self._timekeeper.arm(("roster", ticket), wait_s, lambda: self._tell_supervisor(ActorsDue(ticket)))

    def _finish_roster(self, origin: Origin, roots: Mapping[str, ActorView]) -> None:
        workers = []
        for worker, record in list(self._hosts.items()):
            root = roots.get(record.name)
            if root is None:
                process = record.process
                pid = process.pid if process is not None else 0
                state = "not answering" if record.state == "ready" else record.state
                root = ActorView(name=worker, kind="worker", state=state, pid=pid, mailbox=0, handled=0)
            workers.append(_restarted(root, record.restarts))
        children = [self._gateway.describe(), self._timekeeper.describe()]
        if (archivist := describe(self._archivist)) is not None:
            children.append(archivist)
        if (workforce := describe(self._workforce, workers)) is not None:
            children.append(workforce)
        root_view = self._asker.describe()
        root = ActorView(
            name=root_view.name,
            kind=root_view.kind,
            state="running",
            pid=root_view.pid,
            mailbox=root_view.mailbox,
            handled=root_view.handled,
            restarts=root_view.restarts,
            children=tuple(children),
        )
        self._asker.answer(origin, messages.Actors(root=root))


def _paused(worker: WorkerType) -> str:
    if not worker.paused:
        return ""
    until = "" if worker.paused_until_utc is None else f" until {utc_text(worker.paused_until_utc)[11:19]} UTC"
    return f"paused{until}" + (f": {worker.pause_reason}" if worker.pause_reason else "")


def _parked(worker: WorkerType) -> str:
    if not worker.parked:
        return ""
    decision = worker.decision
    if decision is None or decision.due_utc is None:
        return f"{worker.park_reason}; until it is resumed"
    return f"{worker.park_reason}; until {utc_text(decision.due_utc)[11:19]} UTC, see decision {decision.ref}"


def _restarted(view: ActorView, restarts: int) -> ActorView:
    return ActorView(
        name=view.name,
        kind=view.kind,
        state=view.state,
        pid=view.pid,
        mailbox=view.mailbox,
        handled=view.handled,
        restarts=restarts,
        children=view.children,
    )
