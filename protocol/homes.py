"""Where a daemon lives: its home folder, what is in it, and the endpoints of its sockets.

Client and daemon work the endpoints out of the home alone, so there is nothing to configure or to go stale.
Kept free of heavy imports: every verb of the command line comes through here.
"""

import os
import stat
import sys
from contextlib import suppress
from typing import Final

from orch_actors.protocol.errors import EnvironmentFault

#: Longest path that bind(2) takes for a Unix socket: 108 bytes on Linux, 104 on macOS, with the final NUL.
MAX_SOCKET_PATH: Final = 100

HOME_VARIABLE: Final = "ORCH_ACTORS_HOME"


def default_home() -> str:
    """The home for this user: ORCH_ACTORS_HOME, otherwise the platform's folder for state."""
    named = os.environ.get(HOME_VARIABLE)
    if named:
        return os.path.abspath(os.path.expanduser(named))
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Application Support/orch-actors")
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(state, "orch-actors")


class Home:
    """The paths within one home. Nothing is created here but by `prepare`."""

    def __init__(self, path: str | None = None) -> None:
        self.path: Final = os.path.abspath(os.path.expanduser(path)) if path else default_home()
        #: Taken (flock) by the daemon for its life; never deleted.
        self.lock: Final = os.path.join(self.path, "lock")
        self.journal: Final = os.path.join(self.path, "journal")
        self.attempts: Final = os.path.join(self.path, "attempts")
        self.log: Final = os.path.join(self.path, "daemon.log")
        self.config: Final = os.path.join(self.path, "config.toml")
        self.run: Final = self._run_folder()

    def _run_folder(self) -> str:
        inside = os.path.join(self.path, "run")
        if len(os.fsencode(os.path.join(inside, "commands.sock"))) <= MAX_SOCKET_PATH:
            return inside
        # Too deep for a socket's path: a private folder with a short one, named after the home.
        import hashlib  # noqa: PLC0415 (2 ms, and seldom needed)

        short = hashlib.sha256(os.fsencode(os.path.realpath(self.path))).hexdigest()[:16]
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        if runtime and len(os.fsencode(runtime)) <= 40:
            return os.path.join(runtime, f"orch-actors-{short}")
        return f"/tmp/orch-actors-{os.getuid()}/{short}"  # noqa: S108 (checked by ensure_private)

    @property
    def commands(self) -> str:
        """Endpoint for clients: requests and replies."""
        return "ipc://" + os.path.join(self.run, "commands.sock")

    @property
    def events(self) -> str:
        """Endpoint for clients: published events."""
        return "ipc://" + os.path.join(self.run, "events.sock")

    @property
    def workers(self) -> str:
        """Endpoint for worker hosts."""
        return "ipc://" + os.path.join(self.run, "workers.sock")

    def remove_sockets(self) -> None:
        """Take the sockets' files away; only for who holds the lock."""
        for endpoint in (self.commands, self.events, self.workers):
            with suppress(FileNotFoundError):
                os.unlink(endpoint.removeprefix("ipc://"))

    def prepare(self) -> None:
        """Create the home and its folders, private to this user.

        Raises:
            EnvironmentFault: it cannot be created or written, or is not safely ours; says what to do.
        """
        ensure_private(self.path)
        for folder in (self.journal, self.attempts):
            ensure_private(folder)
        if not self.run.startswith(self.path + os.sep):
            ensure_private(os.path.dirname(self.run))
        ensure_private(self.run)


def ensure_private(folder: str) -> None:
    """Make `folder` exist with mode 0700, owned by us and no symlink.

    Raises:
        EnvironmentFault: it cannot be made so.
    """
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        found = os.lstat(folder)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot create {folder}: {error.strerror or error}",
            "choose another home with --home DIR or ORCH_ACTORS_HOME",
        ) from error
    if os.environ.get("XDG_RUNTIME_DIR") == folder:
        return  # the platform's own; it keeps it private
    if stat.S_ISLNK(found.st_mode) or not stat.S_ISDIR(found.st_mode):
        raise EnvironmentFault(f"{folder} is not a folder but a link or file", "remove it, or choose another --home")
    if found.st_uid != os.getuid():
        raise EnvironmentFault(f"{folder} belongs to user {found.st_uid}, not to you", "choose another --home")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EnvironmentFault(f"{folder} is not writable", "make it writable, or choose another --home")
    if stat.S_IMODE(found.st_mode) & 0o077:
        os.chmod(folder, 0o700)
