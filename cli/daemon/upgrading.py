"""`upgrade`: the daemon that runs makes room for one of the version that is installed, in place.

There is one way back, whatever died; so an upgrade is a daemon that goes and one that adopts. What makes it a verb: the
new one is tried before the old one goes (can it be loaded, does it understand the settings?), a service manager that
has started the old one starts the new one, and whatever goes wrong, it is said how things stand. In between, tasks run
on, and clients wait and repeat.
"""

import subprocess

from msgspec import Struct

from orch_actors.cli import faults
from orch_actors.cli.daemon.daemon import listener, start
from orch_actors.cli.daemon.launch import daemon_command
from orch_actors.cli.daemon.replacing import leave
from orch_actors.cli.output import say, say_json
from orch_actors.cli.service.init_systems import Manager, carry_out
from orch_actors.cli.service.service import runs_as_service
from orch_actors.cli.session import Session
from orch_actors.protocol.version import VERSION


class Side(Struct, frozen=True, kw_only=True):
    """One of the two daemons."""

    version: str
    pid: int


class Upgraded(Struct, frozen=True, kw_only=True):
    """`upgrade --json`. `before` and `after` are null where no daemon runs."""

    replaced: bool
    before: Side | None = None
    after: Side | None = None
    #: Running attempts that the new one took over.
    adopted: int = 0


def upgrade(session: Session, *, force: bool) -> int:
    """The verb; the exit code."""
    pid = listener(session.place)
    if pid is None:
        _tell(session, Upgraded(replaced=False))
        return faults.GOOD
    with session.client() as client:
        before = client.status()
    old = Side(version=before.supervisor.version, pid=before.supervisor.pid)
    if old.version == VERSION and not force:
        _tell(session, Upgraded(replaced=False, before=old, after=old))
        return faults.GOOD
    _try_out(session)
    manager = runs_as_service(session, old.pid)
    running = leave(session, old.pid)
    try:
        _begin(session, manager)
    except faults.CommandFault as error:
        raise _stranded(session, old, running, error.fault) from error
    with session.client(patient=True) as client:
        after = client.status().supervisor
    new = Side(version=after.version, pid=after.pid)
    _tell(session, Upgraded(replaced=True, before=old, after=new, adopted=after.adopted))
    return faults.GOOD


def _try_out(session: Session) -> None:
    """Have the new daemon say whether it could start; it touches nothing.

    Raises:
        CommandFault: it could not; the old one was left as it is.
    """
    command = daemon_command(session.place.path, "--check")
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if ran.returncode == 0:
        return
    words = ran.stderr.decode(errors="replace").strip().splitlines()
    raise faults.environment(
        f"a daemon of version {VERSION} could not start: {words[0].strip() if words else 'it said nothing'}",
        "mend that and try again; the daemon that runs was left as it is",
        ran.returncode if ran.returncode in {faults.ENVIRONMENT, faults.ENVIRONMENT_FOR_NOW} else faults.ENVIRONMENT,
    )


def _begin(session: Session, manager: Manager | None) -> None:
    if manager is None:
        start(session.place)
        return
    carry_out(manager.start())


def _stranded(session: Session, old: Side, running: int | None, fault: faults.Fault) -> faults.CommandFault:
    goes_on = "what ran waits" if running is None else f"{running} running attempts wait"
    if running in {0, 1}:
        goes_on = "1 running attempt waits" if running else "all that was accepted waits"
    up = session.typed("up")
    return faults.environment(
        f"the daemon of version {old.version} is gone, and that of version {VERSION} does not start: {fault.message}",
        f"nothing is lost, {goes_on} for the next daemon. {fault.hint}; then: {up}. "
        f"Or install version {old.version} again, then: {up}",
        fault.exit_code,
    )


def _tell(session: Session, done: Upgraded) -> None:
    if session.as_json:
        say_json(done)
    elif done.before is None or done.after is None:
        say(f"no daemon runs (home {session.place.path}); the next one is of version {VERSION}")
    elif not done.replaced:
        say(f"the daemon (pid {done.before.pid}) is of version {VERSION} already; --force replaces it all the same")
    else:
        attempts = "attempt" if done.adopted == 1 else "attempts"
        say(
            f"version {done.before.version} (pid {done.before.pid}) → {done.after.version} (pid {done.after.pid}), "
            f"{done.adopted} running {attempts} adopted"
        )
