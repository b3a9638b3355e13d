"""One daemon goes, and its tasks go on: what `upgrade` and `service install` do to the one that runs."""

from typing import Final

from orch_actors.cli import faults
from orch_actors.cli.daemon.departure import Departure
from orch_actors.cli.session import Session
from orch_actors.protocol.errors import Unavailable

#: It answers at once, and goes after that.
_ANSWERS_WITHIN_S: Final = 10.0
_GOES_WITHIN_S: Final = 30.0


def leave(session: Session, pid: int) -> int | None:
    """Ask the daemon to go, and wait until it is gone.

    Returns:
        How many running attempts go on; None: it went without a word.

    Raises:
        CommandFault: it stays.
    """
    with session.client(timeout_s=_ANSWERS_WITHIN_S) as client:
        pid = pid or client.hello().pid
        with Departure(pid) as departure:
            running: int | None = None
            try:
                running = client.shutdown().running
            except Unavailable:
                if not departure.wait(0):
                    raise _stuck(pid) from None
            client.close()  # it waits a moment for those that it has answered
            if not departure.wait(_GOES_WITHIN_S):
                raise _stuck(pid)
    return running


def _stuck(pid: int) -> faults.CommandFault:
    return faults.environment(
        f"the daemon (pid {pid}) was asked to go and still runs; nothing was changed",
        f"see daemon.log in its home; as a last resort: kill -9 {pid} (nothing that it accepted is lost), then again",
        faults.ENVIRONMENT_FOR_NOW,
    )
