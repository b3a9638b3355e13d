"""`version`: what this is, and what the daemon of the home is, where one runs. Imports next to nothing until then."""

import sys

from orch_actors.protocol.version import PROTOCOL_VERSION, VERSION

#: A daemon that has not answered by then is not waited for.
_ANSWERS_WITHIN_S = 2.0


def tell_version(*, as_json: bool, home: str | None = None, look: bool = True) -> int:
    """Print it; the exit code. `look`: see whether a daemon runs."""
    daemon = _daemon(home) if look else None
    if as_json:
        python = ".".join(str(part) for part in sys.version_info[:3])
        # Plain ASCII words throughout: no encoder is needed.
        theirs = "null" if daemon is None else f'{{"version":"{daemon[0]}","pid":{daemon[1]}}}'
        print(f'{{"version":"{VERSION}","protocol":{PROTOCOL_VERSION},"python":"{python}","daemon":{theirs}}}')
        return 0
    print(f"orch-actors {VERSION}")
    if daemon is not None and daemon[0] != VERSION:
        print(f"the daemon (pid {daemon[1]}) is of version {daemon[0]}; to replace it in place: orch-actors upgrade")
    return 0


def _daemon(home: str | None) -> tuple[str, int] | None:
    """Version and pid of the daemon that answers in this home, if one does."""
    from orch_actors.cli.daemon.daemon import listener
    from orch_actors.protocol.homes import Home

    place = Home(home)
    if listener(place) is None:
        return None
    from orch_actors.protocol.client import Client
    from orch_actors.protocol.errors import OrchError

    try:
        with Client(place.path, timeout_s=_ANSWERS_WITHIN_S) as client:
            welcome = client.hello()
    except OrchError:
        return None
    plain = welcome.version.isascii() and all(letter.isalnum() or letter in ".+-_" for letter in welcome.version)
    return (welcome.version, welcome.pid) if plain else None
