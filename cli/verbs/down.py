"""`down`: stop the daemon; back when it is gone."""

import os
from typing import Annotated, Final

import typer
from msgspec import Struct, structs

from orch_actors.cli import faults
from orch_actors.cli.daemon.daemon import listener, start_only_to_end
from orch_actors.cli.daemon.departure import Departure
from orch_actors.cli.options import HomeOption, JsonOption, session
from orch_actors.cli.output import say, say_json
from orch_actors.cli.session import Session
from orch_actors.protocol.errors import Unavailable

EXAMPLES = """
orch-actors down            running tasks go on, and the next `up` adopts them
orch-actors down --kill     end them first
orch-actors down --json     {"stopped", "pid", "running", "killed"}
"""

#: Ending tasks takes their grace; without --kill a daemon goes within a second.
_GOES_WITHIN_S: Final = 30.0
_KILLS_WITHIN_S: Final = 600.0

#: Attempts that a fault names at the most.
_NAMED: Final = 5

#: It answers at once, and goes after that.
_ANSWERS_WITHIN_S: Final = 10.0


class Stopped(Struct, frozen=True, kw_only=True):
    """`down --json`."""

    #: A daemon was running.
    stopped: bool
    pid: int | None = None
    #: Attempts that go on.
    running: int | None = None
    #: None, both: it went before it had answered.
    killed: int | None = None


def command(
    kill: Annotated[bool, typer.Option("--kill", help="End running tasks first.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Stop the daemon. Running tasks go on, and the next `up` adopts them."""
    said = session(home, as_json)
    pid = listener(said.place)
    if pid is not None:
        stopped = _stop(said, pid, kill=kill)
    elif kill:
        stopped = _end_without_daemon(said)
    else:
        stopped = Stopped(stopped=False, running=0, killed=0)
    if as_json:
        say_json(stopped)
    else:
        say(_text(stopped, said))
    return faults.GOOD


def _stop(said: Session, pid: int, *, kill: bool) -> Stopped:
    timeout_s = _KILLS_WITHIN_S if kill else _GOES_WITHIN_S
    with said.client(timeout_s=_ANSWERS_WITHIN_S) as client:
        pid = pid or client.hello().pid
        with Departure(pid) as departure:
            try:
                stopping = client.shutdown(kill)
            except Unavailable:
                # Where it has gone without an answer, nobody can say any more how many tasks go on.
                if not departure.wait(0):
                    raise _stuck(pid) from None
                return Stopped(stopped=True, pid=pid)
            client.close()  # it waits a moment for those that it has answered
            if not departure.wait(timeout_s):
                raise _stuck(pid)
    return Stopped(stopped=True, pid=pid, running=stopping.running, killed=stopping.killed)


def _end_without_daemon(said: Session) -> Stopped:
    """What still runs is ended by a daemon that comes only for that, so that the journal knows of it."""
    if not os.path.isdir(said.place.journal):
        return Stopped(stopped=False, running=0, killed=0)
    from orch_actors.cli.daemon.outlook import look_ahead

    try:
        in_flight = len(look_ahead(said)["in_flight"])
        if not in_flight:
            return Stopped(stopped=False, running=0, killed=0)
        pid = start_only_to_end(said.place)
    except faults.CommandFault as error:
        raise _with_what_runs(error, said) from None
    if pid is None:  # somebody has started one just now
        return _stop(said, 0, kill=True)
    with Departure(pid) as departure:
        if not departure.wait(_KILLS_WITHIN_S):
            raise _stuck(pid)
    return Stopped(stopped=False, running=0, killed=in_flight)


def _with_what_runs(error: faults.CommandFault, said: Session) -> faults.CommandFault:
    """No daemon can end them: say which they are, and how a person can."""
    from orch_actors.cli.daemon.journal import INSPECTION, ask_program

    found = ask_program(said, "running", program=INSPECTION)["attempts"]
    if not found:
        return error
    named = ", ".join(f"{one['attempt']} (pid {one['pid']})" for one in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    fault = error.fault
    hint = f"these still run: {named}{more}; kill -TERM -- -PID ends one with all its processes. {fault.hint}"
    return faults.CommandFault(structs.replace(fault, hint=hint))


def _stuck(pid: int) -> faults.CommandFault:
    return faults.environment(
        f"the daemon (pid {pid}) was asked to stop and still runs",
        f"see daemon.log in its home; as a last resort: kill -9 {pid} (nothing that it accepted is lost)",
        faults.ENVIRONMENT_FOR_NOW,
    )


def _text(stopped: Stopped, said: Session) -> str:
    if not stopped.stopped and stopped.killed:
        return f"orch-actors was not running; {_attempts(stopped.killed)} ended (home {said.place.path})"
    if not stopped.stopped:
        return f"orch-actors is not running (home {said.place.path})"
    if stopped.running is None:
        return f"orch-actors is down; it went without a word, see {said.place.log}"
    parts = ["orch-actors is down"]
    if stopped.killed:
        parts.append(f"{_attempts(stopped.killed)} ended before it")
    if stopped.running:
        goes = "goes" if stopped.running == 1 else "go"
        parts.append(f"{_attempts(stopped.running)} {goes} on; the next `{said.typed('up')}` adopts them")
    return "; ".join(parts)


def _attempts(number: int) -> str:
    return "1 running task" if number == 1 else f"{number} running tasks"
