"""`service`: the daemon as a service of the user's own session.

A daemon that runs already is replaced by the service's own: it is asked to go, and the next one adopts what runs.
"""

import os
from typing import Final

from msgspec import Struct

from orch_actors.cli import faults
from orch_actors.cli.daemon.daemon import listener
from orch_actors.cli.daemon.replacing import leave
from orch_actors.cli.escape import one_line
from orch_actors.cli.output import note, say, say_json
from orch_actors.cli.service.init_systems import Manager, carry_out, manager_for
from orch_actors.cli.session import Session

#: What a daemon may take to answer, where its manager does not wait for it.
_ANSWERS_WITHIN_S: Final = 60.0


class Wanted(Struct, frozen=True, kw_only=True):
    """What was typed."""

    manager: str | None = None
    print_only: bool = False
    dry_run: bool = False


class Service(Struct, frozen=True, kw_only=True):
    """`service … --json`."""

    manager: str
    name: str
    path: str
    home: str
    installed: bool
    #: The file is what this version would write.
    current: bool
    enabled: bool
    #: In the manager's own words.
    state: str
    #: Of the daemon that the manager has started.
    pid: int | None


def install(session: Session, wanted: Wanted) -> int:
    """Write the unit, and have it started now and with every session; repeating it brings it up to date."""
    place = session.place
    manager = manager_for(place, wanted.manager)
    if wanted.print_only:
        say(manager.text.rstrip("\n"))
        return faults.GOOD
    if wanted.dry_run:
        _tell_plan(session, manager, [f"write {manager.path}", *map(" ".join, [*manager.enable(), *manager.start()])])
        return faults.GOOD
    manager.check()
    place.prepare()
    changed = _read(manager.path) != manager.text
    if changed:
        _write(manager.path, manager.text)
    carry_out(manager.enable())
    seen = manager.look()
    running = listener(place)
    if running is not None and running != seen.pid:
        leave(session, running)
    if changed or running is None or running != seen.pid:
        carry_out(manager.start())
    with session.client(patient=True, timeout_s=_ANSWERS_WITHIN_S) as client:
        client.hello()
    _tell(session, manager, "installed" if changed else "it was installed already")
    if not session.as_json and manager.kind == "systemd":
        note("it starts with your session; to have it without one: loginctl enable-linger")
    return faults.GOOD


def uninstall(session: Session, wanted: Wanted) -> int:
    """Stop it and take the unit away; running tasks go on."""
    manager = manager_for(session.place, wanted.manager)
    if wanted.dry_run:
        _tell_plan(session, manager, [*map(" ".join, manager.remove()), f"remove {manager.path}"])
        return faults.GOOD
    if not os.path.exists(manager.path):
        _tell(session, manager, "it was not installed", ask=False)
        return faults.GOOD
    manager.check()
    carry_out(manager.remove())
    os.unlink(manager.path)
    carry_out(manager.forget())
    _tell(session, manager, f"gone; running tasks go on, and `{session.typed('up')}` adopts them", ask=False)
    return faults.GOOD


def status(session: Session, wanted: Wanted) -> int:
    """Say whether it is installed, and how it is."""
    manager = manager_for(session.place, wanted.manager)
    installed = os.path.exists(manager.path)
    if installed:
        manager.check()
    _tell(session, manager, "", ask=installed)
    return faults.GOOD


def runs_as_service(session: Session, pid: int) -> Manager | None:
    """The manager that has started the daemon of this pid, if one has."""
    manager = manager_for(session.place, None)
    if not os.path.exists(manager.path):
        return None
    try:
        manager.check()
    except faults.CommandFault:
        return None
    return manager if manager.look().pid == pid else None


def _tell(session: Session, manager: Manager, what: str, *, ask: bool = True) -> None:
    seen = manager.look() if ask else None
    found = Service(
        manager=manager.kind,
        name=manager.name,
        path=manager.path,
        home=session.place.path,
        installed=os.path.exists(manager.path),
        current=_read(manager.path) == manager.text,
        enabled=seen is not None and seen.enabled,
        state="not installed" if seen is None else seen.state,
        pid=seen.pid or None if seen is not None else None,
    )
    if session.as_json:
        say_json(found)
        return
    say(f"service {found.name} ({found.manager}): {one_line(found.state)}" + (f"; {what}" if what else ""))
    if found.installed:
        say(f"  {one_line(found.path)}")
        say(f"  pid {found.pid or '-'}, home {one_line(found.home)}" + ("" if found.enabled else ", not enabled"))
    if found.installed and not found.current:
        say(
            f"  it was written for another version or place; bring it up to date: {session.typed('service', 'install')}"
        )


def _tell_plan(session: Session, manager: Manager, steps: list[str]) -> None:
    if session.as_json:
        say_json({"manager": manager.kind, "name": manager.name, "path": manager.path, "steps": steps})
        return
    for step in steps:
        say(one_line(step))


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def _write(path: str, text: str) -> None:
    """Whole or not at all."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = f"{path}.part-{os.getpid()}"
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(part, path)
