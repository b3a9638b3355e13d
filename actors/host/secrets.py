"""Values of a task's secrets: found just before the spawn, never kept on disk, and blotted out of what is told.

What travels and is journalled says where a value is found (protocol/spec/graph.py, Secret); here it is looked up, in
the worker host, in the attempt's own thread. From here it goes into the environment of the attempt and of its
validation command, and nowhere else: not into a log of ours, not into a file, not into a message.

A command that prints a secret runs as the task would, in its folder and environment, in a session of its own; its
stdout is a pipe to this process, its stderr the attempt's own. All secrets of an attempt together have WITHIN_S; while
they are looked for, nobody else waits, but the attempt itself cannot be stopped.

What an attempt leaves for the journal (the end of its output, what its validation says, a question) goes through a
Mask first. A host that has adopted an attempt does not know its values, and those of today may be others: then the end
of its output is left out altogether. Rejected: keeping the values, or hashes of them, where the next host finds them.
"""

import os
import select
import signal
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import Any, Final

import msgspec

from orch_actors.actors.host.adapters.shell import for_exec
from orch_actors.actors.host.children import Children
from orch_actors.actors.host.mask import NOTHING, Mask
from orch_actors.actors.host.place import CannotSpawn
from orch_actors.actors.host.record import Paths
from orch_actors.actors.host.shim import SH
from orch_actors.protocol.hostwire import Launch
from orch_actors.protocol.spec.graph import Secret

#: Most time that all commands of an attempt's secrets may take together.
WITHIN_S: Final = 30.0

#: Longest value, in bytes.
MAX_BYTES: Final = 65536

#: A shorter one cannot be told from other text, and so not be blotted out. In characters.
LEAST: Final = 4

#: A process that KILL does not end within this is stuck in the kernel; we do not wait for it.
_KILL_PATIENCE_S: Final = 5.0

_SCRIPT: Final = """\
cd "$1" || exit 1
shift
unset OLDPWD
exec "$@"
"""


class NoSecret(CannotSpawn):
    """A value cannot be had; the text says of which secret, and what to do."""

    cls = "secret"


class Secrets:
    """The values that this host knows, by attempt. Safe from any thread."""

    def __init__(self, children: Children, inherited: Mapping[str, str]) -> None:
        """`inherited`: the variables that the daemon was started with."""
        self._children: Final = children
        self._inherited: Final = inherited
        self._known: Final[dict[str, dict[str, str]]] = {}
        #: Attempts that were started here: what is known of them is all there is.
        self._started: Final[set[str]] = set()

    def begin(self, launch: Launch, env: Mapping[str, str], paths: Paths) -> dict[str, str]:
        """The variables for an attempt that is about to start.

        Raises:
            NoSecret: one cannot be had.
        """
        values = self.values(launch, env, paths)
        if values:
            self._started.add(launch.attempt)
        return values

    def values(self, launch: Launch, env: Mapping[str, str], paths: Paths) -> dict[str, str]:
        """The same, later in its life: what it was given, or, where this host does not know, what it would be now.

        Raises:
            NoSecret: one cannot be had.
        """
        if not launch.secrets:
            return {}
        known = self._known.get(launch.attempt)
        if known is None:
            search = _Search(self._children, self._inherited, launch, env, paths.err)
            known = {name: search.value(name, source) for name, source in launch.secrets.items()}
            self._known[launch.attempt] = known
        return known

    def mask(self, launch: Launch) -> Mask:
        """What blots an attempt's values out."""
        if not launch.secrets:
            return NOTHING
        known = self._known.get(launch.attempt)
        if known is None:
            search = _Search(self._children, self._inherited, launch, {}, "")
            known = dict(search.at_hand())
        return Mask(known.values(), complete=launch.attempt in self._started)

    def forget(self, launch: Launch) -> None:
        """The attempt is over and told."""
        self._known.pop(launch.attempt, None)
        self._started.discard(launch.attempt)


class _Search:
    """The search for the values of one attempt."""

    def __init__(
        self, children: Children, inherited: Mapping[str, str], launch: Launch, env: Mapping[str, str], err: str
    ) -> None:
        """`env` and `err`, a file for stderr, are for commands."""
        self._children, self._inherited = children, inherited
        self._launch, self._env, self._err = launch, env, err
        self._until_at = time.monotonic() + WITHIN_S

    def at_hand(self) -> Iterator[tuple[str, str]]:
        """Names and values as they would be now, of those that are found without running anything."""
        for name, source in self._launch.secrets.items():
            if source.get("command") is None:
                with suppress(NoSecret):
                    yield name, self.value(name, source)

    def value(self, name: str, source: Mapping[str, Any]) -> str:
        try:
            secret = msgspec.convert(source, Secret)
            if secret.env is not None:
                return checked(self._of_variable(secret.env))
            if secret.file is not None:
                return checked(self._of_file(secret.file))
            return checked(self._of_command(secret.command or ()))
        except msgspec.ValidationError as error:
            raise NoSecret(f"secret {name} is not of the form that this version knows: {error}") from error
        except CannotSpawn as error:
            raise NoSecret(f"secret {name}: {error}") from error

    def _of_variable(self, name: str) -> bytes:
        found = self._inherited.get(name)
        if found is None:
            raise NoSecret(
                f"the daemon has no variable {name}: it has those that it was started with; "
                "start it anew where the variable is set, or name a file or a command"
            )
        return os.fsencode(found)

    def _of_file(self, name: str) -> bytes:
        path = os.path.join(self._launch.cwd, os.path.expanduser(name))
        try:
            # Not to wait for a writer, should it be a pipe.
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise NoSecret(f"its file {path} cannot be read: {why}") from error
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise NoSecret(f"its file {path} is no regular file")
            return os.read(fd, MAX_BYTES + 3)  # with the newline that may end it, and one byte too many
        except OSError as error:
            raise NoSecret(f"its file {path} cannot be read: {error.strerror or error}") from error
        finally:
            os.close(fd)

    def _of_command(self, command: str | tuple[str, ...]) -> bytes:
        launch = self._launch
        run = [SH, "-c", command, "sh"] if isinstance(command, str) else for_exec(command, self._env, launch.cwd)
        by_hand = "run it by hand in the task's folder; its stderr is in the attempt's"
        over, ended = threading.Event(), []

        def on_exit(status: int | None) -> None:
            ended.append(status)
            over.set()

        with ExitStack() as stack:
            read, write = os.pipe()
            stack.callback(os.close, read)
            try:
                pid = self._spawn([*run], write, on_exit)
            except (OSError, ValueError) as error:
                why = error.strerror if isinstance(error, OSError) else error
                raise NoSecret(f"its command cannot be run: {why}") from error
            finally:
                os.close(write)
            said, in_time = self._read(read)
            if in_time and len(said) <= MAX_BYTES + 2:
                in_time = over.wait(max(0.0, self._until_at - time.monotonic()))
            if not over.is_set():
                self._children.signal_group(pid, signal.SIGKILL)
                over.wait(_KILL_PATIENCE_S)
        if len(said) > MAX_BYTES + 2:
            return said
        if not in_time:
            raise NoSecret(f"its command was not over after {WITHIN_S:.0f} s: {by_hand}")
        if ended[0] != 0:
            raise NoSecret(f"its command {_how_it_ended(ended[0])}: {by_hand}")
        return said

    def _spawn(self, run: list[str], write: int, on_exit: Any) -> int:
        append = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        return self._children.spawn(
            SH,
            ["sh", "-c", _SCRIPT, "sh", self._launch.cwd, *run],
            self._env,
            [
                (os.POSIX_SPAWN_DUP2, write, 1),
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, self._err, append, 0o600),
            ],
            on_exit,
        )

    def _read(self, fd: int) -> tuple[bytes, bool]:
        """What comes through the pipe until its end, or more than a value may have; False: not in time."""
        said = b""
        poller = select.poll()
        poller.register(fd, select.POLLIN | select.POLLHUP)
        while len(said) <= MAX_BYTES + 2:
            left_s = self._until_at - time.monotonic()
            if left_s <= 0 or not poller.poll(left_s * 1000):
                return said, False
            piece = os.read(fd, 65536)
            if not piece:
                break
            said += piece
        return said, True


def checked(data: bytes) -> str:
    """A value as a variable holds it: text, without the newline that files and commands end with.

    Raises:
        NoSecret: it is none; the text does not show it.
    """
    data = data.removesuffix(b"\n").removesuffix(b"\r")
    if len(data) > MAX_BYTES:
        raise NoSecret(f"its value has more than {MAX_BYTES} bytes: have the task read it from a file")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise NoSecret("its value is no UTF-8 text: encode it, as base64 does") from None
    if "\0" in text:
        raise NoSecret("its value holds a NUL character, which no variable can")
    if len(text) < LEAST:
        raise NoSecret(f"its value has fewer than {LEAST} characters, and could not be told from other text")
    return text


def _how_it_ended(status: int | None) -> str:
    if status is None:
        return "ended, and it cannot be known how"
    if os.WIFSIGNALED(status):
        return f"was ended by signal {os.WTERMSIG(status)}"
    return f"exited with {os.WEXITSTATUS(status)}"
