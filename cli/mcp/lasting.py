"""A client that starts the daemon where none is: before a request, and once more if it went away during one.

The daemon is started by the verb `up` in a process of its own: this process has threads, and `launch.py` forks.
The same request is sent again under the same id, so that it is carried out once, whichever daemon took it.
"""

import subprocess
import sys
from typing import Final

from orch_actors.cli import faults
from orch_actors.cli.daemon.daemon import START_TIMEOUT_S, listener
from orch_actors.protocol import messages as m
from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import Unavailable
from orch_actors.protocol.homes import Home
from orch_actors.protocol.ids import new_id

_UP: Final = "import sys; from orch_actors.cli.entry import main; sys.exit(main(['up', '--home', sys.argv[1]]))"


class LastingClient(Client):
    """A Client of this machine's daemon that brings it up where it is needed."""

    def __init__(self, home: Home, *, timeout_s: float = 10.0) -> None:
        super().__init__(home.path, timeout_s=timeout_s)
        self._home: Final = home

    def request(
        self, do: m.Command | m.Query, *, command_id: str | None = None, timeout_s: float | None = None
    ) -> m.Result:
        """As `Client.request`.

        Raises:
            CommandFault: the daemon cannot be started; says why.
        """
        command_id = command_id or new_id()
        if listener(self._home) is None:
            bring_up(self._home)
        try:
            return super().request(do, command_id=command_id, timeout_s=timeout_s)
        except Unavailable:
            if listener(self._home) is not None:
                raise
            bring_up(self._home)
            return super().request(do, command_id=command_id, timeout_s=timeout_s)


def bring_up(home: Home) -> None:
    """Start the daemon of a home; somebody else may have been faster.

    Raises:
        CommandFault: it cannot be started; says why.
    """
    try:
        ran = subprocess.run(
            [sys.executable, "-P", "-c", _UP, home.path],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=START_TIMEOUT_S + 15,
        )
    except subprocess.TimeoutExpired:
        raise faults.environment("the daemon does not start", f"see {home.log}", faults.ENVIRONMENT_FOR_NOW) from None
    if ran.returncode:
        said = ran.stderr.decode(errors="replace").strip().removeprefix("error: ")
        raise faults.environment(
            f"the daemon could not be started: {said}", f"see {home.log}; then call the tool again", ran.returncode
        )
