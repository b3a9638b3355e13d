"""The Supervisor: the actor that holds the graphs. Decide (Machine), write down (Journal), then act.

It is the journal's only writer. Messages that wait are handled as one batch: all their lines go out in one write
and one sync, and only then are replies sent, effects performed and events published, queries' replies included,
so nobody ever hears of what might still be lost. It waits for nothing but its inbox and that sync.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from loguru import logger
from msgspec import Raw

from orch_actors.actors.actor import Actor
from orch_actors.actors.core import stimuli as s
from orch_actors.actors.core.facts import NOTHING
from orch_actors.actors.core.handlers.retaining import exceeded
from orch_actors.actors.core.machine import CommandAnswer, Machine, Step
from orch_actors.actors.inside import (
    ActorsDue,
    Begin,
    ClientAsked,
    HandoverDue,
    HostGone,
    HostSaid,
    HostUp,
    LaunchFailed,
    Origin,
    PruneDue,
    RoomDue,
    SettingsChanged,
    SnapshotMade,
    StopAsked,
    TimerDue,
)
from orch_actors.actors.journal.retiring import retired
from orch_actors.actors.journal.writer import Journal
from orch_actors.actors.recovery.history import CommandLine, OutcomeLine, Replayed, Told, digest_of, encode, numbered
from orch_actors.actors.room import Room
from orch_actors.actors.timekeeper import Clock
from orch_actors.actors.translating import over_of, stimulus_of
from orch_actors.actors.wayout import WayOut
from orch_actors.protocol import codec, hostwire, messages
from orch_actors.protocol.errors import ErrorInfo, Refused
from orch_actors.protocol.ids import split_attempt_id
from orch_actors.protocol.settings import Settings

#: Seconds from taking settings over, or from passing a bound, to a look at what is to be forgotten: whoever waited for
#: a graph has them to read what came of it. Between pieces of what is found; and to the next look, for what gets old.
PRUNE_SOON_S = 5.0
PRUNE_ON_S = 0.05
PRUNE_EVERY_S = 600.0

#: Steps that are made durable together at the most, and replies, and their bytes: all of it waits in memory.
MAX_BATCH = 64
MAX_BATCH_BYTES = 4 * 1024 * 1024
#: What is decided waits at the most so long for the rest of its batch.
MAX_BATCH_S = 0.02


@dataclass
class Outbound:
    """What waits for the batch to be durable."""

    #: When the first of it came; monotonic.
    begun_at: float = 0.0
    steps: int = 0
    replies: list[tuple[Origin, bytes]] = field(default_factory=list)
    reply_bytes: int = 0
    effects: list[s.Effect] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    #: Anything else that may only happen then.
    after: list[Callable[[], None]] = field(default_factory=list)

    def reply(self, origin: Origin, body: bytes) -> None:
        """Send it then."""
        self.replies.append((origin, body))
        self.reply_bytes += len(body)

    @property
    def empty(self) -> bool:
        """Nothing waits yet."""
        return not (self.steps or self.replies or self.effects or self.after)

    def full(self, now: float) -> bool:
        """Whether nothing more is to wait with it."""
        waiting = max(self.steps, len(self.replies), len(self.after))
        return waiting >= MAX_BATCH or self.reply_bytes >= MAX_BATCH_BYTES or now - self.begun_at >= MAX_BATCH_S


class Supervisor(Actor):
    """See the module. `desk` is its way out: sockets, timers, hosts, files."""

    kind = "supervisor"

    def __init__(
        self,
        *,
        machine: Machine,
        journal: Journal,
        replayed: Replayed,
        clock: Clock,
        desk: WayOut,
        settings: Settings,
        on_crash: Callable[[str, BaseException], None],
        on_stopped: Callable[[], None],
    ) -> None:
        super().__init__("supervisor", on_crash=on_crash)
        self._machine, self._journal, self._clock, self._desk = machine, journal, clock, desk
        self._answers, self._head, self._recent = replayed.answers, replayed.head, replayed.recent
        self._oldest = replayed.oldest
        self._unprocessed = dict(replayed.unprocessed)
        #: Number of the last segment that is in a snapshot, or is on its way into one.
        self._compacted = replayed.snapshot.segment if replayed.snapshot is not None else 0
        self._room = Room(journal)
        self._settings = settings
        #: A look at what is to be forgotten comes soon.
        self._prunes_soon = False
        self._on_stopped = on_stopped
        self._out = Outbound()
        #: Worker type → name of the host that serves it.
        self._hosts: dict[str, str] = {}
        #: Going down; None: not asked. True: as soon as nothing runs any more.
        self._leaving: bool | None = None

    @property
    def head(self) -> int:
        """Number of the newest event."""
        return self._head

    @property
    def events(self) -> range:
        """Numbers of the events that can be read."""
        return range(self._oldest, self._head + 1)

    def recent(self) -> deque[Told]:
        """The newest events."""
        return self._recent

    def _begin(self) -> None:
        """Begin a life: what replay left unfinished is decided now."""
        self._mind_the_room()
        self._configure(self._settings)
        self._world(s.Recovered())
        for sequence, line in sorted(self._unprocessed.items()):
            logger.info("command {} had no outcome; deciding it now", line.id)
            self._decide_command(line.client, line.id, line.do, line.digest, sequence)
        self._out.after.append(lambda: self._desk.sweep(self._machine.state))
        self._commit()

    def _configure(self, settings: Settings) -> None:
        """Take settings over, at the start and when they were read again."""
        self._settings = settings
        self._desk.configure(settings)
        self._world(
            s.WorkerTypesConfigured(
                limits=settings.limits(),
                resources=settings.resources,
                kinds=settings.worker_types(),
                nesting=(settings.nesting.depth, settings.nesting.graphs),
            )
        )
        if settings.retention.bounded:
            self._prunes_soon = True
            self._out.after.append(lambda: self._desk.prune_in(PRUNE_SOON_S))

    def _prune(self) -> None:
        """Forget a piece of what the retention does not keep, and go on soon; off the hot path."""
        retention = self._settings.retention
        self._prunes_soon = False
        if not retention.bounded or self._leaving is not None:
            return
        due = s.RetentionDue(keep=retention.most_graphs, tasks=retention.most_tasks, older_than_s=retention.older_than)
        self._world(due)
        if exceeded(self._machine.state, due, self._clock.utc()):
            self._prunes_soon = True
            self._out.after.append(lambda: self._desk.prune_in(PRUNE_ON_S))
            return
        self._out.after.append(lambda: self._desk.sweep(self._machine.state))
        self._out.after.append(lambda: self._desk.prune_in(PRUNE_EVERY_S))

    def _mind_the_retention(self) -> None:
        """When more is over than is kept, look at it soon. Age alone is looked at now and then."""
        retention = self._settings.retention
        if self._prunes_soon or self._leaving is not None:
            return
        bounds = s.RetentionDue(keep=retention.most_graphs, tasks=retention.most_tasks, older_than_s=None)
        if exceeded(self._machine.state, bounds, 0.0):
            self._prunes_soon = True
            self._desk.prune_in(PRUNE_SOON_S)

    def receive(self, message: object) -> None:
        """One message; the batch goes out when nothing more waits, or it is full."""
        if self._out.empty:
            self._out.begun_at = self._clock.monotonic()
        self._handle(message)
        if self.actor_inbox.empty() or self._out.full(self._clock.monotonic()):
            self._commit()
        self._mind_the_room()

    def _handle(self, message: object) -> None:
        match message:
            case HostSaid(host=host, message=said):
                self._host_said(host, said)
            case ClientAsked(origin=origin, request=request):
                self._client_asked(origin, request)
            case TimerDue(key=key):
                self._world(s.TimerFired(key=key))
            case HostUp(worker=worker, host=host, careful=careful):
                self._hosts[worker] = host
                if careful:
                    handover = self._desk.handover
                    handover.be_careful(host)
                    self._out.after.append(lambda: handover.begin(host))  # once all that it is to have is there
                self._world(s.WorkerReady(worker=worker))
            case HostGone(worker=worker, host=host, why=why, exhausted=exhausted):
                if self._hosts.get(worker) == host:
                    del self._hosts[worker]
                self._give_up_on(self._desk.handover.died(host))
                self._world(s.WorkerLost(worker=worker, exhausted=why if exhausted else ""))
            case HandoverDue(host=host, attempt=attempt):
                self._desk.handover.survived(host, attempt)
            case ActorsDue(ticket=ticket):
                self._desk.roster.close(ticket)
            case SettingsChanged(settings=settings):
                self._configure(settings)
            case LaunchFailed():
                self._world(_failed_launch(message))
            case PruneDue():
                self._prune()
            case RoomDue():
                self._look_for_room()
            case SnapshotMade():
                self._retire(message)
            case Begin(only_to_end=only_to_end):
                self._begin()
                if only_to_end:
                    self._leave(kill=True)
            case StopAsked():
                self._leave(kill=False)
            case _:
                raise TypeError(f"the supervisor takes no {type(message).__name__}")

    # --- the world ------------------------------------------------------------------------------------------------

    def _host_said(self, host: str, said: hostwire.ToSupervisor) -> None:
        if isinstance(said, hostwire.HostReady | hostwire.Pong):
            self._desk.host_spoke(host, said)
            return
        if host not in self._hosts.values():
            return  # a host that was given up on: its attempts are handed to the next one
        match said:
            case hostwire.AttemptEnded(attempt=attempt):
                self._desk.handover.over(host, attempt)
                self._world(over_of(said))
            case hostwire.AttemptAdopted(attempt=attempt, pid=pid, elapsed_s=elapsed_s):
                graph, task, number = split_attempt_id(attempt)
                self._world(s.AttemptFound(graph=graph, task=task, attempt=number, pid=pid, elapsed_s=elapsed_s))
            case hostwire.AttemptExceeded(attempt=attempt, kind=kind, message=text):
                graph, task, number = split_attempt_id(attempt)
                self._world(s.AttemptExceeded(graph=graph, task=task, attempt=number, cls=kind, message=text))
            case hostwire.AttemptProgressed(attempt=attempt, text=text, percent=percent):
                graph, task, number = split_attempt_id(attempt)
                self._world(s.AttemptProgressed(graph=graph, task=task, attempt=number, text=text, percent=percent))
            case hostwire.ActorsDescribed(ticket=ticket, root=root):
                self._desk.roster.add(ticket, host, root)

    def _give_up_on(self, suspect: tuple[str, int] | None) -> None:
        """Hosts die of an attempt: it is given to no other one, and what becomes of it cannot be known."""
        if suspect is None:
            return
        attempt, deaths = suspect
        graph, task, number = split_attempt_id(attempt)
        message = f"{deaths} worker hosts died when they were given it; what it has started may run on"
        logger.error("{}: {}", attempt, message)
        self._world(s.AttemptOver(graph=graph, task=task, attempt=number, ending="lost", message=message))

    def _world(self, stimulus: s.Stimulus) -> None:
        now_utc = self._clock.utc()
        step = self._machine.handle(stimulus, now_utc)
        if step.facts:
            self._put_down(step, now_utc, None, None)
        self._out.effects.extend(step.effects)
        if self._leaving and not self._awaited():
            self._out.after.append(self._on_stopped)

    def _awaited(self) -> bool:
        """Whether anything runs that a host can end; those of a parked type run on."""
        state = self._machine.state
        return any(tasks and not state.worker(worker).parked for worker, tasks in state.in_flight.items())

    def _put_down(self, step: Step, now_utc: float, command: int | None, reply: bytes | None) -> None:
        """Add an outcome line to the batch."""
        line = OutcomeLine(
            of=command, at=now_utc, e=self._head + 1, facts=step.facts, reply=NOTHING if reply is None else Raw(reply)
        )
        self._journal.add("outcome", encode(line))
        self._out.steps += 1
        for told in numbered(line):
            self._head = told.seq
            self._out.told.append(told)
            self._recent.append(told)  # whoever is answered in this batch hears of it after the sync

    # --- clients --------------------------------------------------------------------------------------------------

    def _client_asked(self, origin: Origin, request: messages.Request) -> None:
        try:
            match request.do:
                case messages.Shutdown(kill=kill):
                    self._answer(origin, self._leave(kill=kill))
                case messages.AckEvents() as do:
                    self._acknowledge(origin, do)
                case messages.Compact():
                    self._compact(origin)
                case messages.SubmitGraph(dry_run=True) | messages.AddTasks(dry_run=True) as do:
                    self._answer(origin, self._dry_run(request.client, do))
                case messages.UpdateTask(dry_run=True) | messages.RetryTasks(dry_run=True) as do:
                    self._answer(origin, self._dry_run(request.client, do))
                case (
                    messages.SetLimit(dry_run=True) | messages.SetBudget(dry_run=True) | messages.Prune(dry_run=True)
                ) as do:
                    self._answer(origin, self._dry_run(request.client, do))
                case messages.Cancel(dry_run=True) | messages.Pause(dry_run=True) | messages.Resume(dry_run=True) as do:
                    self._answer(origin, self._dry_run(request.client, do))
                case do:
                    if isinstance(do, messages.Command):
                        self._command(origin, request, do)
                    else:
                        self._desk.query(self, origin, do, self._machine.state)
        except Refused as refused:
            self._answer(origin, refused.info)

    def _command(self, origin: Origin, request: messages.Request, do: messages.Command) -> None:
        digest = digest_of(do)
        known = self._answers.find(request.client, request.id, digest)
        if known is None:
            now_utc = self._clock.utc()
            if self._leaving is not None:
                raise Refused.because("STOPPING", "the daemon is going down", "try again in a moment", retriable=True)
            if request.deadline_utc is not None and now_utc > request.deadline_utc:
                raise Refused.because(
                    "DEADLINE_PASSED", "it came after its deadline and was not executed", "send it anew"
                )
            self._room.admit(do, self._machine.state)
            known = self._decide_command(request.client, request.id, do, digest, None)
        self._out.reply(origin, codec.json_to(origin.encoding, known))

    def _acknowledge(self, origin: Origin, do: messages.AckEvents) -> None:
        """Move a consumer's cursor; no command line, and no answer to be remembered (see AckEvents)."""
        self._room.admit(do, self._machine.state)
        stimulus = s.EventsAcknowledged(consumer=do.consumer, seq=do.seq, head=self._head)
        now_utc = self._clock.utc()
        step = self._machine.handle(stimulus, now_utc)
        if step.facts:
            self._put_down(step, now_utc, None, None)
        self._answer(origin, _answer_of(step))

    def _decide_command(
        self, client: str, command: str, do: messages.Command, digest: str, sequence: int | None
    ) -> bytes:
        """Decide a command and put command and outcome down; `sequence` is given where its line is there already.

        Returns the Reply as JSON. A refusal of a new command raises and leaves no line; one of a command that was
        taken in an earlier life becomes its outcome, or every start would decide it anew.
        """
        now_utc = self._clock.utc()
        try:
            step = self._machine.handle(stimulus_of(do, client, self._settings, self.events), now_utc)
            reply = messages.Reply(id=command, result=_answer_of(step))
        except Refused as refused:
            if sequence is None:
                raise
            step = Step((), ())
            reply = messages.Reply(id=command, error=refused.info)
        body = codec.encode(reply, "json")
        if sequence is None:
            line = CommandLine(client=client, id=command, digest=digest, at=now_utc, do=do)
            sequence = self._journal.add("command", encode(line))
        self._put_down(step, now_utc, sequence, body)
        self._answers.keep(client, command, digest, body, now_utc)
        self._out.effects.extend(step.effects)
        return body

    def _dry_run(self, client: str, do: messages.Command) -> CommandAnswer:
        """What a command would come to; the handlers decide nothing for a dry run, so nothing is written."""
        step = self._machine.handle(stimulus_of(do, client, self._settings), self._clock.utc())
        assert not step.facts, f"a dry run of {type(do).__name__} decided something"  # noqa: S101 (our invariant)
        return _answer_of(step)

    def _leave(self, *, kill: bool) -> messages.Stopping:
        """Begin to go down; with `kill`, once every attempt is over."""
        running = sum(len(tasks) for tasks in self._machine.state.in_flight.values())
        if self._leaving is None or (kill and not self._leaving):
            self._leaving = False
            self._world(s.Shutting())
            self._leaving = kill and running > 0
            if self._leaving:
                self._world(s.CancelRunningAsked(reason="ended by `down --kill`"))
            else:
                self._out.after.append(self._on_stopped)
        return messages.Stopping(running=0 if kill else running, killed=running if kill else 0, pid=self._desk.pid)

    # --- after the decision ----------------------------------------------------------------------------------------

    def _answer(self, origin: Origin, what: messages.Result | ErrorInfo) -> None:
        self._out.reply(origin, self._desk.encode_reply(origin, what))

    def answer(self, origin: Origin, what: messages.Result | ErrorInfo) -> None:
        """Answer a query, once the batch that it may have seen is durable."""
        self._answer(origin, what)

    def after(self, call: Callable[[], None]) -> None:
        """Call it once the batch is durable: for answers that somebody else gives."""
        self._out.after.append(call)

    def _commit(self) -> None:
        """Make the batch durable; only now does anybody learn of it."""
        self._journal.commit(self._head + 1)
        out, self._out = self._out, Outbound()
        for origin, body in out.replies:
            self._desk.reply(origin, body)
        for effect in out.effects:
            self._desk.perform(effect, self._hosts, self._machine.state)
        self._desk.publish(out.told)
        for call in out.after:
            call()
        self._mind_the_retention()
        self._compact_closed()

    # --- the journal ----------------------------------------------------------------------------------------------

    def _compact_closed(self) -> None:
        """Have a snapshot made of what was closed since the last one."""
        if self._journal.closed > self._compacted:
            self._compacted = self._journal.closed
            self._desk.compact(self._compacted)

    def _compact(self, origin: Origin) -> None:
        """Close the segment that is written, if there is something in it, and have a snapshot made of all before."""
        self._commit()
        self._journal.close_segment(self._head + 1)
        self._compacted = self._journal.closed
        if self._compacted:
            self._desk.compact(self._compacted)  # also where the last try failed
        self._answer(origin, messages.Compacting(segment=self._compacted))

    def _retire(self, made: SnapshotMade) -> None:
        """Give back the segments that neither a start nor a reader of events needs.

        What a consumer has not acknowledged is kept for it, within bounds: one that never comes back must not keep
        everything for ever.
        """
        bounds = self._settings.retention
        unread = min(
            (consumer.cursor + 1 for consumer in self._machine.state.consumers.values()), default=self._head + 1
        )
        wanted = max(unread, self._head - bounds.unread + 1)
        found = retired(made.begun, made.before, min(wanted, self._head - bounds.events + 1))
        if found is not None:
            self._oldest = found.oldest  # from here on nobody is told that it is there
            self._desk.retire(found.segments)

    # --- the disk -------------------------------------------------------------------------------------------------

    @property
    def lacking(self) -> str:
        """Why the disk is full; empty: it is not."""
        return self._room.lacking

    def _mind_the_room(self) -> None:
        """When there is none any more, for the journal or for an attempt: start nothing, and look again."""
        state = self._machine.state
        if self._room.lacking or not (self._journal.full or state.full):
            return
        why = self._journal.full or "an attempt found no room"
        wait_s = self._room.gone(why, self._clock.monotonic())
        logger.error("the disk is full ({}): nothing new is taken or started until there is room", why)
        self._world(s.DiskFilled())
        self._desk.look_for_room_in(wait_s)

    def _look_for_room(self) -> None:
        wait_s = self._room.look(self._clock.monotonic())
        if wait_s is not None:
            self._desk.look_for_room_in(wait_s)
            return
        logger.info("there is room on the disk again")
        self._world(s.DiskFreed())

    def on_stop(self) -> None:
        """Nothing is left undone: the last batch goes out, the journal is closed."""
        self._commit()
        self._journal.close()


def _answer_of(step: Step) -> CommandAnswer:
    if isinstance(step.answer, CommandAnswer):
        return step.answer
    raise TypeError("a command's step has an answer")


def _failed_launch(failed: LaunchFailed) -> s.AttemptOver:
    return s.AttemptOver(
        graph=failed.graph,
        task=failed.task,
        attempt=failed.attempt,
        ending="lost" if failed.adopted else "spawn",
        cls="" if failed.adopted else failed.cls,
        message=failed.message,
    )
