"""`down`: stop the daemon; back when it is gone."""

from typing import Annotated, Final

import typer
from msgspec import Struct

from orch_actors.cli import faults
from orch_actors.cli.daemon import listener
from orch_actors.cli.departure import Departure
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
    stopped = Stopped(stopped=False, running=0, killed=0) if pid is None else _stop(said, pid, kill=kill)
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


def _stuck(pid: int) -> faults.CommandFault:
    return faults.environment(
        f"the daemon (pid {pid}) was asked to stop and still runs",
        f"see daemon.log in its home; as a last resort: kill -9 {pid} (nothing that it accepted is lost)",
        faults.ENVIRONMENT_FOR_NOW,
    )


def _text(stopped: Stopped, said: Session) -> str:
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
