"""How a daemon is reached: over ipc by its home, or over tcp by an endpoint and a key file.

    home named                                   ipc, by the home's path
    endpoint and key file named, or one of them  tcp: a key file says where to, unless an endpoint is named
    nothing named                                the same by ORCH_ACTORS_ENDPOINT and ORCH_ACTORS_KEY_FILE, where one
                                                 of them is set; else the default home

Kept free of heavy imports: every verb of the command line comes through here.
"""

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import Home

if TYPE_CHECKING:
    from orch_actors.protocol.keyring import ClientKey

ENDPOINT_VARIABLE: Final = "ORCH_ACTORS_ENDPOINT"
KEY_FILE_VARIABLE: Final = "ORCH_ACTORS_KEY_FILE"

#: Where a client connects to: a name will do here, unlike where a daemon listens.
_TCP: Final = re.compile(r"(tcp://(?:\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]*]+)):([0-9]{1,5})")


class Reach(Struct, frozen=True):
    """One daemon, as a client sees it."""

    #: Of commands.
    endpoint: str
    #: Of the client; None over ipc, where the uid says enough.
    key: "ClientKey | None" = None

    def events(self, told: str) -> str:
        """The endpoint of events, from what the daemon tells of it: over tcp only its port counts."""
        here, there = _TCP.fullmatch(self.endpoint), told.rpartition(":")
        return f"{here[1]}:{there[2]}" if self.key is not None and here is not None else told

    def variables(self, given: Mapping[str, str] | None) -> Mapping[str, str] | None:
        """What tasks start from: over tcp, where nothing is given, nothing of ours, so that it is the daemon's.

        Another account's PATH and HOME make no sense there.
        """
        return {} if given is None and self.key is not None else given


def reach(home: str | None = None, endpoint: str | None = None, key_file: str | None = None) -> Reach:
    """How to reach the daemon that is meant; see the module.

    Raises:
        EnvironmentFault: what is named does not go together, or the key file cannot be used.
    """
    if home is not None and (endpoint is not None or key_file is not None):
        raise EnvironmentFault("a home and an endpoint are named", "name one: a home is for this machine's ipc")
    if home is None and endpoint is None and key_file is None:
        endpoint, key_file = os.environ.get(ENDPOINT_VARIABLE) or None, os.environ.get(KEY_FILE_VARIABLE) or None
    if endpoint is None and key_file is None:
        return Reach(Home(home).commands)
    if endpoint is not None and not endpoint.startswith("tcp:"):
        if key_file is not None:
            raise EnvironmentFault(f"a key file is named, and {endpoint} is not tcp", "over ipc the user id is enough")
        return Reach(endpoint)
    if key_file is None:
        raise EnvironmentFault(
            f"{endpoint} is named, and no key file: over tcp a client needs a key",
            f"name one (--key-file FILE, {KEY_FILE_VARIABLE}) that the daemon's owner made: orch-actors keys new NAME",
        )
    from orch_actors.protocol.keyring import load_client_key  # noqa: PLC0415 (for tcp alone)

    key = load_client_key(key_file)
    endpoint = endpoint or key.endpoint
    if _TCP.fullmatch(endpoint) is None:
        raise EnvironmentFault(f"{endpoint!r} is no endpoint to connect to", "expected tcp://HOST:PORT")
    return Reach(endpoint, key)


def is_by_tcp() -> bool:
    """Whether, with nothing named, a daemon is reached by what the environment says."""
    return bool(os.environ.get(ENDPOINT_VARIABLE) or os.environ.get(KEY_FILE_VARIABLE))
