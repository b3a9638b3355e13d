"""The product, broken on purpose, to see that a campaign notices: each takes one of its safeties away.

For processes that are rigged with one (rig.py, `sabotage`); what is replaced is gone with the process. Each names the
rule of the campaign's checker that must be broken by it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One: what it takes away, the rule that must notice, and how it is done, in the daemon or a host."""

    what: str
    rule: str
    role: str
    do: Callable[[], None]


def _every_claim_is_granted() -> None:
    from orch_actors.actors.host import record

    def take(fd: int, *, created: bool) -> Any:
        del created
        return record.Taken(fd, record.Seen())

    record._take = take  # noqa: SLF001


def _nothing_is_swept() -> None:
    from orch_actors.actors.host import stop

    stop.sweep = lambda cookie, told_group, patience_s: 0  # noqa: ARG005


def _every_old_end_is_a_success() -> None:
    from dataclasses import replace

    from orch_actors.actors.host import record

    read = record._read  # noqa: SLF001

    def changed(fd: int) -> Any:
        seen = read(fd)
        return replace(seen, exit_code=0) if seen.exit_code is not None else seen

    record._read = changed  # noqa: SLF001


def _writes_wait_in_memory() -> None:
    """As a buffered file has it, that is flushed now and then, and whose fsync says that all is well."""
    import time

    from orch_actors.actors.journal.disk import RealDisk

    waiting: dict[int, list[bytes]] = {}
    written_at: dict[int, float] = {}
    append = RealDisk.append

    def later(self: RealDisk, fd: int, data: bytes) -> None:
        waiting.setdefault(fd, []).append(data)
        if time.monotonic() - written_at.get(fd, 0.0) > BUFFERED_S:
            append(self, fd, b"".join(waiting.pop(fd)))
            written_at[fd] = time.monotonic()

    RealDisk.append = later  # type: ignore[method-assign]


#: For so long.
BUFFERED_S: Final = 0.3


def _answers_are_forgotten() -> None:
    from orch_actors.actors.answers import Answers

    Answers.find = lambda self, client, command, digest: None  # type: ignore[method-assign] # noqa: ARG005


def _commands_are_decided_again() -> None:
    """Replay takes every command for one without an outcome."""
    from orch_actors.actors.recovery.replaying import Replay

    answered = Replay._answered  # noqa: SLF001

    def again(self: Any, sequence: int, outcome: Any) -> None:
        command = self._commands.get(sequence)
        answered(self, sequence, outcome)
        if command is not None:
            self._commands[sequence] = command

    Replay._answered = again  # type: ignore[method-assign] # noqa: SLF001


def _some_events_are_never_told() -> None:
    from orch_actors.actors.gateway import gateway

    publish = gateway.Gateway.publish

    def changed(self: Any, told: Any) -> None:
        publish(self, [one._replace(seq=one.seq + one.seq // 100) for one in told])

    gateway.Gateway.publish = changed  # type: ignore[method-assign]


SABOTAGES: Final[dict[str, Sabotage]] = {
    "sweep": Sabotage("what an ended attempt leaves behind is left", "orphans", "host", _nothing_is_swept),
    "codes": Sabotage("a record's exit code is read as 0", "wrong exit codes", "host", _every_old_end_is_a_success),
    "buffer": Sabotage(
        "the journal's writes wait in memory", "accepted commands lost", "daemon", _writes_wait_in_memory
    ),
    "answers": Sabotage("a repeated command is decided anew", "attempts run twice", "daemon", _answers_are_forgotten),
    "replay": Sabotage(
        "a restart decides every command again", "edits not applied once", "daemon", _commands_are_decided_again
    ),
    "numbers": Sabotage(
        "events are published under wrong numbers",
        "gaps or duplicates of events",
        "daemon",
        _some_events_are_never_told,
    ),
    "claims": Sabotage(
        "a worker host starts an attempt without asking whether it was started",
        "attempts run twice",
        "host",
        _every_claim_is_granted,
    ),
}


def commit(name: str, role: str) -> None:
    """Take the safety away, if it is one of this process's.

    Raises:
        KeyError: there is no such sabotage.
    """
    if SABOTAGES[name].role == role:
        SABOTAGES[name].do()
