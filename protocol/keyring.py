"""Keys for clients that come by TCP: the daemon's own pair, the list of those who may come, and a client's key file.

    HOME/keys/server.json     the daemon's pair; made when it is first needed, never again
    HOME/keys/allowed         a line for each client: its name, and its public key
    HOME/keys/NAME.json       a client's key file, as `keys new NAME` makes it: all that the client needs

All of it is private to the owner (0600 in 0700). Keys are of CURVE25519, written as ZeroMQ writes them: Z85, 40
characters.
This module knows files and texts; pairs are made by `transport.py`, which has ZeroMQ.

The list is text that is replaced as a whole, so that who reads it meanwhile has the old one or the new one. Rejected: a
file for each key, as zmq.auth has it (a list has one moment at which it changes).
"""

import contextlib
import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from orch_actors.protocol.errors import EnvironmentFault
from orch_actors.protocol.homes import ensure_private, refuse_link
from orch_actors.protocol.ids import ID_RULE, is_id

#: Z85's alphabet, and the length of 32 bytes in it.
_KEY: Final = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}", re.ASCII)

#: Largest file of keys that is read.
_MAX_BYTES: Final = 1024 * 1024

#: Names of files beside the clients'.
_OURS: Final = ("server", "allowed")

#: Makes a pair: public, secret.
MakePair = Callable[[], tuple[str, str]]


class Pair(Struct, frozen=True):
    """A public key and what belongs to it."""

    public: str
    secret: str


class ClientKey(Struct, frozen=True, kw_only=True):
    """What a client needs to come by TCP: where to, whom to expect there, and who it is."""

    #: As the daemon's owner calls it.
    name: str
    #: The daemon's command endpoint, as it is reached from the client.
    endpoint: str
    #: The daemon's public key: nobody else can answer in its place.
    server: str
    public: str
    secret: str


def is_key(text: str) -> bool:
    """Whether it is written as a key is."""
    return _KEY.fullmatch(text) is not None


class Keyring:
    """The keys of one home."""

    def __init__(self, folder: str) -> None:
        self._folder: Final = folder
        self._server: Final = os.path.join(folder, "server.json")
        #: The list of those who may come.
        self.list_file: Final = os.path.join(folder, "allowed")

    def server(self) -> Pair | None:
        """The daemon's pair, where it has one.

        Raises:
            EnvironmentFault: the file cannot be read, or others can.
        """
        return _load(self._server, Pair) if os.path.lexists(self._server) else None

    def make_server(self, make: MakePair) -> Pair:
        """The daemon's pair, made where there is none.

        Raises:
            EnvironmentFault: it can be neither read nor written.
        """
        with self._changing():
            found = self.server()
            if found is None:
                found = Pair(*make())
                _write(self._server, msgspec.json.encode(found) + b"\n")
            return found

    def allowed(self) -> dict[str, str]:
        """Name → public key, in the order of the list.

        Raises:
            EnvironmentFault: the list cannot be read, or makes no sense; says which line.
        """
        if not os.path.lexists(self.list_file):
            return {}
        return parse_list(_read(self.list_file, public=True).decode(errors="replace"), self.list_file)

    def allow(self, name: str, public: str) -> None:
        """Put a client on the list.

        Raises:
            EnvironmentFault: name or key is none, or another's; or the list cannot be written.
        """
        _check_name(name)
        if not is_key(public):
            raise EnvironmentFault(
                f"{public!r} is no public key", "expected 40 characters, as `orch-actors keys new` tells them"
            )
        with self._changing():
            allowed = self.allowed()
            if allowed.get(name) == public:
                return
            if name in allowed:
                raise EnvironmentFault(
                    f"{name} is on the list already, with another key",
                    f"orch-actors keys revoke {name}, or another name",
                )
            owner = next((known for known, key in allowed.items() if key == public), None)
            if owner is not None:
                raise EnvironmentFault(f"that key is on the list already, as {owner}", "each client has its own")
            self._write_list({**allowed, name: public})

    def revoke(self, name: str) -> str:
        """Take a client off the list, and its key file away; its public key.

        Raises:
            EnvironmentFault: there is none of that name, or the list cannot be written.
        """
        with self._changing():
            allowed = self.allowed()
            if name not in allowed:
                known = ", ".join(allowed) or "none"
                raise EnvironmentFault(f"no key is called {name!r}", f"on the list: {known}; orch-actors keys list")
            public = allowed.pop(name)
            self._write_list(allowed)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.client_file(name))
            return public

    def client_file(self, name: str) -> str:
        """Where the key file of a client is put that was made here."""
        return os.path.join(self._folder, f"{name}.json")

    def _write_list(self, allowed: dict[str, str]) -> None:
        text = "".join(f"{name} {public}\n" for name, public in allowed.items())
        _write(self.list_file, text.encode())

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the folder's lock: two that change the list at once must not lose each other's line."""
        ensure_private(self._folder)
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def parse_list(text: str, path: str) -> dict[str, str]:
    """Name → public key.

    Raises:
        EnvironmentFault: a line makes no sense.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or not is_id(words[0]) or not is_key(words[1]) or words[0] in found:
            raise EnvironmentFault(
                f"{path}, line {number} is no name with a public key of its own",
                "correct it, or remove the line: who stands in it is kept out then",
            )
        found[words[0]] = words[1]
    return found


def check_new_name(name: str) -> None:
    """Hold that a key may be called that.

    Raises:
        EnvironmentFault: it may not.
    """
    _check_name(name)


def _check_name(name: str) -> None:
    if not is_id(name) or name in _OURS:
        raise EnvironmentFault(f"{name!r} is no name for a key", f"expected {ID_RULE}; not {' or '.join(_OURS)}")


def load_client_key(path: str) -> ClientKey:
    """A client's key file.

    Raises:
        EnvironmentFault: it cannot be read, is none, or others can read it.
    """
    return _load(os.path.expanduser(path), ClientKey)


def write_client_key(path: str, key: ClientKey) -> None:
    """Write a client's key file, for its owner alone; what was there is replaced.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    _write(path, msgspec.json.format(msgspec.json.encode(key), indent=1) + b"\n")


K = TypeVar("K", Pair, ClientKey)


def _load(path: str, kind: type[K]) -> K:
    data = _read(path)
    try:
        found = msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnvironmentFault(f"{path} is no key file: {error}", "make one: orch-actors keys new NAME") from error
    keys = [value for field, value in msgspec.structs.asdict(found).items() if field in ("public", "secret", "server")]
    if not all(map(is_key, keys)):
        raise EnvironmentFault(f"{path} holds a key that is none", "make one anew: orch-actors keys new NAME")
    return found


def _read(path: str, *, public: bool = False) -> bytes:
    """A file of keys, which must be the owner's alone; one of public keys may be read by others.

    Raises:
        EnvironmentFault: it is not, or cannot be read.
    """
    try:
        # Not to wait for a writer, should it be a pipe.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise EnvironmentFault(
            f"the key file {path} cannot be read: {error.strerror or error}", "name a key file that `keys new` has made"
        ) from error
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise EnvironmentFault(f"the key file {path} is no file", "name a key file that `keys new` has made")
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & (0o022 if public else 0o077):
            raise EnvironmentFault(
                f"the key file {path} is open to others, or not yours", f"make it private: chmod 600 {path}"
            )
        return os.read(fd, _MAX_BYTES)
    finally:
        os.close(fd)


def _write(path: str, data: bytes) -> None:
    """Put a private file in place, whole and on disk.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    refuse_link(path)
    folder = os.path.dirname(os.path.abspath(path))
    beside = ""
    try:
        fd, beside = tempfile.mkstemp(prefix=".key-", dir=folder)  # 0600
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.replace(beside, path)
    except OSError as error:
        if beside:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside)
        raise EnvironmentFault(
            f"the key file {path} cannot be written: {error.strerror or error}", "see to its folder, or name another"
        ) from error
