"""Keys for clients that come by TCP: made, listed, allowed, revoked. The files are `protocol/keyring.py`'s."""

import os
from typing import TYPE_CHECKING

from msgspec import Struct

from orch_actors.cli import faults
from orch_actors.cli.session import Session
from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.keyring import ClientKey, Keyring, check_new_name, is_key, write_client_key

if TYPE_CHECKING:
    from orch_actors.protocol.listen import Listen

#: Where a client is told to connect as long as the daemon's settings say nothing.
_USUAL = "tcp://127.0.0.1:7447"


class NewKey(Struct, frozen=True, kw_only=True):
    """What `keys new` has made; `key` is what the file holds."""

    key: ClientKey
    #: "-": it goes to stdout.
    file: str
    #: It is on the list of this home; otherwise it was made for a daemon elsewhere.
    allowed: bool
    #: The daemon's settings say that it listens.
    listening: bool


def new(session: Session, name: str, *, endpoint: str | None, output: str | None) -> NewKey:
    """Make a client's key for this home's daemon, allow it, and write its key file.

    Raises:
        EnvironmentFault: the name is taken or none, or a file cannot be written.
    """
    from orch_actors.protocol.transport import new_pair

    keyring, listen = _keyring(session), _listen(session)
    server = keyring.make_server(new_pair)
    public, secret = new_pair()
    keyring.allow(name, public)
    key = ClientKey(
        name=name, endpoint=endpoint or _reached_at(listen), server=server.public, public=public, secret=secret
    )
    path = keyring.client_file(name) if output is None else output
    try:
        _write(path, key)
    except EnvironmentFault:
        keyring.revoke(name)
        raise
    return NewKey(key=key, file=path, allowed=True, listening=listen.tcp is not None)


def new_for_elsewhere(name: str, *, server: str, endpoint: str | None, output: str | None) -> NewKey:
    """Make a client's key for a daemon elsewhere: its secret never leaves this machine.

    Raises:
        CommandFault: it is not said where to, or where the file goes.
        EnvironmentFault: the name is none, or the file cannot be written.
    """
    from orch_actors.protocol.transport import new_pair

    if endpoint is None or output is None:
        raise faults.usage("--server is for a daemon elsewhere", "say with --endpoint where it is, and with -o FILE")
    if not is_key(server):
        raise faults.usage(f"--server {server!r} is no public key", "the daemon's owner sees it: orch-actors keys list")
    check_new_name(name)
    public, secret = new_pair()
    key = ClientKey(name=name, endpoint=endpoint, server=server, public=public, secret=secret)
    _write(output, key)
    return NewKey(key=key, file=output, allowed=False, listening=True)


def _write(path: str, key: ClientKey) -> None:
    if path == "-":
        return
    if os.path.lexists(path):
        raise EnvironmentFault(f"{path} is there already", "name another file, or remove it")
    write_client_key(path, key)


class Listed(Struct, frozen=True, kw_only=True):
    """One client on the list."""

    name: str
    public: str
    #: Its key file, where it is still here.
    file: str | None


class KeyList(Struct, frozen=True, kw_only=True):
    """Keys of a home."""

    #: The daemon's public key; None: it has none yet.
    server: str | None
    #: Where the daemon's settings say that it listens: requests and events.
    listen: tuple[str, str] | None
    allowed: tuple[Listed, ...]


def listed(session: Session) -> KeyList:
    """Who may come, and where to.

    Raises:
        EnvironmentFault: a file cannot be read.
    """
    keyring = Keyring(session.place.keys)
    server = keyring.server()
    files = {name: keyring.client_file(name) for name in keyring.allowed()}
    return KeyList(
        server=None if server is None else server.public,
        listen=_listen(session).endpoints(),
        allowed=tuple(
            Listed(name=name, public=public, file=files[name] if os.path.exists(files[name]) else None)
            for name, public in keyring.allowed().items()
        ),
    )


def allow(session: Session, name: str, public: str) -> None:
    """Put a client on the list that has made its key itself.

    Raises:
        EnvironmentFault: name or key is none, or another's.
    """
    _keyring(session).allow(name, public)


def revoke(session: Session, name: str) -> str:
    """Take a client off the list; its public key.

    Raises:
        EnvironmentFault: there is none of that name.
    """
    return Keyring(session.place.keys).revoke(name)


def _keyring(session: Session) -> Keyring:
    session.place.prepare()
    return Keyring(session.place.keys)


def _listen(session: Session) -> "Listen":
    from orch_actors.protocol.settings import load_settings

    return load_settings(session.place.config).listen


def _reached_at(listen: "Listen") -> str:
    """The endpoint as a client reaches it: of all addresses, that of this machine's name."""
    endpoints = listen.endpoints()
    if endpoints is None:
        return _USUAL
    address, _, port = endpoints[0].removeprefix("tcp://").rpartition(":")
    if address in ("*", "0.0.0.0", "[::]"):  # noqa: S104 (compared, not bound)
        import socket

        address = socket.gethostname()
    return f"tcp://{address}:{port}"
