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
    return os.path.abspath(os.path.expanduser(named)) if named else platform_home()


def platform_home() -> str:
    """The platform's folder for state, whatever ORCH_ACTORS_HOME says."""
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
        #: Taken by the process that makes snapshots of the journal, while it does.
        self.compactor_lock: Final = os.path.join(self.path, "compactor.lock")
        self.journal: Final = os.path.join(self.path, "journal")
        self.attempts: Final = os.path.join(self.path, "attempts")
        self.log: Final = os.path.join(self.path, "daemon.log")
        self.config: Final = os.path.join(self.path, "config.toml")
        #: Lines that are appended to the first are requests; the second has what came of them.
        self.inbox: Final = os.path.join(self.path, "inbox.jsonl")
        self.outbox: Final = os.path.join(self.path, "outbox.jsonl")
        #: What the process that serves those two remembers.
        self.courier: Final = os.path.join(self.path, "courier")
        #: What it cannot do at present.
        self.troubles: Final = os.path.join(self.courier, "troubles.json")
        #: Keys for clients that come by TCP.
        self.keys: Final = os.path.join(self.path, "keys")
        #: What `journal salvage` has set aside.
        self.salvage: Final = os.path.join(self.path, "salvage")
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
        _ensure_home(self.path)
        for folder in (self.journal, self.attempts):
            ensure_private(folder)
        if not self.run.startswith(self.path + os.sep):
            ensure_private(os.path.dirname(self.run))
        ensure_private(self.run)
        for file in (self.lock, self.compactor_lock, self.log, self.config, *_files_in(self.journal)):
            refuse_link(file)
        for folder in (self.keys, self.courier, self.salvage, os.path.join(self.path, "logs")):
            if os.path.lexists(folder):
                ensure_private(folder)


def _ensure_home(path: str) -> None:
    """Make the home itself exist, private, in a place where nobody else can exchange it.

    A folder that others may look into is only closed to them if it is a home already, or empty: `--home /etc`, typed by
    root, must not lock everybody out of /etc.

    Raises:
        EnvironmentFault: it cannot be made so.
    """
    another = "choose another home with --home DIR or ORCH_ACTORS_HOME"
    if os.path.lexists(path) and not os.path.islink(path):
        mode = stat.S_IMODE(os.lstat(path).st_mode)
        if mode & 0o077 and os.path.isdir(path) and not may_be_closed(path):
            raise EnvironmentFault(
                f"{path} is open to other users (mode {mode:03o}) and holds other things than a daemon's state",
                f"{another}, or make it private first: chmod 700 {path}",
            )
    ensure_private(path)
    folder = os.path.dirname(os.path.realpath(path))
    while True:
        found = os.stat(folder)
        if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
            raise EnvironmentFault(
                f"every user may write into {folder} (mode {stat.S_IMODE(found.st_mode):03o}), and so exchange {path}",
                f"{another}, or take the others' right away: chmod o-w {folder}",
            )
        if folder == os.path.dirname(folder):
            return
        folder = os.path.dirname(folder)


def may_be_closed(path: str) -> bool:
    """Whether taking others' rights away surprises nobody."""
    try:
        names = set(os.listdir(path))
    except OSError:
        return True  # not ours, or not readable: `ensure_private` says so
    return not names or "lock" in names or names <= {"config.toml", "crash.log"}


def _files_in(folder: str) -> list[str]:
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def refuse_link(path: str) -> None:
    """Hold that what stands at `path`, if anything, is itself and no symbolic link to somewhere else.

    Raises:
        EnvironmentFault: it is a link.
    """
    if os.path.islink(path):
        raise EnvironmentFault(
            f"{path} is a symbolic link (to {os.readlink(path)}): a daemon's state is never kept behind one",
            "look who put it there; then remove it, or put the file itself in its place",
        )


def _make(folder: str) -> None:
    """`os.makedirs`, but what lies between is private, too, whatever the umask (XDG asks for that).

    Raises:
        OSError: it cannot be made.
    """
    if os.path.lexists(folder):
        return
    _make(os.path.dirname(folder))
    with suppress(FileExistsError):  # somebody was faster
        os.mkdir(folder, 0o700)


def ensure_private(folder: str) -> None:
    """Make `folder` exist with mode 0700, owned by us and no symlink.

    Raises:
        EnvironmentFault: it cannot be made so.
    """
    try:
        _make(folder)
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
