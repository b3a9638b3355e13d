"""Service managers: systemd's user session, and launchd. Each is asked through its own program, as a person would.

Where a unit is kept, how it is started and stopped, and what is told of it; the texts themselves are `units.py`. The
place for a third one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Final, Literal, Protocol

from msgspec import Struct

from orch_actors.cli import faults
from orch_actors.cli.daemon.launch import daemon_command
from orch_actors.cli.service.units import launchd_plist, service_name, systemd_unit
from orch_actors.protocol.homes import Home, platform_home

Kind = Literal["systemd", "launchd"]

#: What a manager's program may take: starting waits until the daemon serves.
PATIENCE_S: Final = 660.0

_ELSEWHERE: Final = "here start it with `orch-actors up`; `service install --print` shows the text for another machine"


class Seen(Struct, frozen=True, kw_only=True):
    """What a manager knows of the service."""

    #: It is started with the session.
    enabled: bool
    #: In the manager's own words: `active (running)`.
    state: str
    #: Of the daemon that it has started; 0: it runs none.
    pid: int


class Manager(Protocol):
    """One service manager and the service of one home."""

    kind: Kind
    name: str
    path: str
    text: str

    def check(self) -> None:
        """Raises CommandFault: it is not there."""

    def enable(self) -> list[list[str]]:
        """The commands that make what is at `path` known, and have it started with the session."""

    def start(self) -> list[list[str]]:
        """Those that start it now, anew where it runs already."""

    def remove(self) -> list[list[str]]:
        """Those that stop it and have it forgotten; the file goes after them, before `forget`."""

    def forget(self) -> list[list[str]]:
        """Those that are due after the file is gone."""

    def look(self) -> Seen:
        """What is known of it."""


class Systemd:
    """The user's own systemd."""

    kind: Kind = "systemd"

    def __init__(self, home: Home) -> None:
        self.name = service_name(home.path, default=home.path == platform_home())
        folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
        self.path = os.path.join(folder, "systemd", "user", f"{self.name}.service")
        self.text = systemd_unit(daemon_command(home.path), home.path)

    def check(self) -> None:
        """See Manager."""
        if shutil.which("systemctl") is None:
            raise faults.environment("there is no systemd on this machine", _ELSEWHERE)
        asked = _run(["systemctl", "--user", "show", "--property=Version"])
        if asked.returncode != 0:
            raise faults.environment(
                f"there is no systemd user session here: {_words(asked)}",
                f"log in as that user, not by su or in a container; {_ELSEWHERE}",
            )

    def enable(self) -> list[list[str]]:
        """See Manager."""
        return [_systemctl("daemon-reload"), _systemctl("enable", self.name)]

    def start(self) -> list[list[str]]:
        """See Manager."""
        return [_systemctl("restart", self.name)]

    def remove(self) -> list[list[str]]:
        """See Manager."""
        return [_systemctl("disable", "--now", self.name)]

    def forget(self) -> list[list[str]]:
        """See Manager."""
        return [_systemctl("daemon-reload")]

    def look(self) -> Seen:
        """See Manager."""
        asked = _run(_systemctl("show", self.name, "--property=ActiveState,SubState,MainPID,UnitFileState"))
        found = dict(line.split("=", 1) for line in asked.stdout.splitlines() if "=" in line)
        return Seen(
            enabled=found.get("UnitFileState") == "enabled",
            state=f"{found.get('ActiveState', 'unknown')} ({found.get('SubState', 'unknown')})",
            pid=int(found.get("MainPID") or 0),
        )


class Launchd:
    """macOS."""

    kind: Kind = "launchd"

    def __init__(self, home: Home) -> None:
        self.name = service_name(home.path, default=home.path == platform_home())
        self.path = os.path.expanduser(f"~/Library/LaunchAgents/{self.name}.plist")
        self.text = launchd_plist(daemon_command(home.path), self.name, home.log)
        self._domain = f"gui/{os.getuid()}"

    def check(self) -> None:
        """See Manager."""
        if shutil.which("launchctl") is None:
            raise faults.environment("there is no launchd on this machine", _ELSEWHERE)

    def enable(self) -> list[list[str]]:
        """See Manager."""
        return [["launchctl", "enable", f"{self._domain}/{self.name}"]]

    def start(self) -> list[list[str]]:
        """See Manager. What is loaded already is taken out first: it may be of an older text."""
        again = [["launchctl", "bootout", f"{self._domain}/{self.name}"]] if self.look().state != "not loaded" else []
        return [*again, ["launchctl", "bootstrap", self._domain, self.path]]

    def remove(self) -> list[list[str]]:
        """See Manager."""
        return [["launchctl", "bootout", f"{self._domain}/{self.name}"]] if self.look().state != "not loaded" else []

    def forget(self) -> list[list[str]]:
        """See Manager."""
        return []

    def look(self) -> Seen:
        """See Manager."""
        asked = _run(["launchctl", "print", f"{self._domain}/{self.name}"])
        if asked.returncode != 0:
            return Seen(enabled=os.path.exists(self.path), state="not loaded", pid=0)
        found = dict(line.strip().split(" = ", 1) for line in asked.stdout.splitlines() if " = " in line)
        return Seen(enabled=True, state=found.get("state", "loaded"), pid=int(found.get("pid", "0") or 0))


def manager_for(home: Home, kind: str | None) -> Manager:
    """The platform's own, or the one that was named.

    Raises:
        CommandFault: there is none of that name.
    """
    wanted = kind or ("launchd" if sys.platform == "darwin" else "systemd")
    if wanted == "systemd":
        return Systemd(home)
    if wanted == "launchd":
        return Launchd(home)
    raise faults.usage(f"no service manager is called {wanted!r}", "there are systemd, launchd")


def carry_out(commands: Sequence[Sequence[str]]) -> None:
    """Run them one after the other.

    Raises:
        CommandFault: one failed; with its last words.
    """
    for command in commands:
        ran = _run(command)
        if ran.returncode != 0:
            raise faults.environment(
                f"`{' '.join(command)}` failed ({ran.returncode}): {_words(ran)}",
                "what the service itself said: `orch-actors service status`, and daemon.log in its home",
                faults.ENVIRONMENT_FOR_NOW,
            )


def _systemctl(*words: str) -> list[str]:
    return ["systemctl", "--user", *words]


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
        timeout=PATIENCE_S,
    )  # fmt: skip


def _words(ran: "subprocess.CompletedProcess[str]") -> str:
    lines = (ran.stderr.strip() or ran.stdout.strip()).splitlines()
    return lines[-1].strip() if lines else "it said nothing"
