"""A systemd user session, as far as `orch-actors service` needs one: a program called `systemctl`, for tests.

It reads units from XDG_CONFIG_HOME as systemd does (quotes, `$$`, `%%`), starts their ExecStart with a NOTIFY_SOCKET,
waits for READY=1, and keeps what it knows beside its own file. `calls` has every command line.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

STATE = Path(os.environ["FAKE_SYSTEMD"])


def unit_path(name):
    return Path(os.environ["XDG_CONFIG_HOME"], "systemd", "user", name + ".service")


def exec_start(name):
    """Words of ExecStart: all stand in double quotes."""
    (line,) = [line for line in unit_path(name).read_text().splitlines() if line.startswith("ExecStart=")]
    words = json.loads("[" + ",".join(line.removeprefix("ExecStart=").replace('" "', '"\0"').split("\0")) + "]")
    return [word.replace("$$", "$").replace("%%", "%") for word in words]


def known():
    try:
        return json.loads((STATE / "known.json").read_text())
    except FileNotFoundError:
        return {}


def keep(**more):
    (STATE / "known.json").write_text(json.dumps({**known(), **more}))


def alive(pid):
    try:
        return bool(pid) and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def start(name):
    address = str(STATE / "notify")
    Path(address).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.bind(address)
        wire.settimeout(30)
        with open(STATE / "out", "ab") as out:
            process = subprocess.Popen(
                exec_start(name),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env={**os.environ, "NOTIFY_SOCKET": address},
            )
        handle = os.pidfd_open(process.pid)
        ready, _, _ = select.select([wire, handle], [], [], 30)
        if wire not in ready or b"READY=1" not in wire.recv(4096):
            sys.exit(f"Job for {name}.service failed because the control process exited with error code.")
    keep(pid=process.pid)


def stop():
    pid = known().get("pid", 0)
    if alive(pid):
        handle = os.pidfd_open(pid)
        os.kill(pid, signal.SIGTERM)
        select.select([handle], [], [], 30)
    keep(pid=0)


def say(line):
    sys.stdout.write(line + "\n")


def main(words):
    with open(STATE / "calls", "a") as calls:
        calls.write(" ".join(words) + "\n")
    assert words[0] == "--user"
    if (STATE / "no session").exists():
        sys.exit("Failed to connect to bus: No medium found")
    match words[1:]:
        case ["show", "--property=Version"]:
            say("Version=252")
        case ["daemon-reload"]:
            pass
        case ["enable", name]:
            assert unit_path(name).exists()
            keep(enabled=True)
        case ["restart", name]:
            stop()
            start(name)
        case ["disable", "--now", _name]:
            keep(enabled=False)
            stop()
        case ["show", _name, _properties]:
            pid = known().get("pid", 0)
            running = alive(pid)
            say(f"MainPID={pid if running else 0}")
            say("ActiveState=" + ("active" if running else "inactive"))
            say("SubState=" + ("running" if running else "dead"))
            say("UnitFileState=" + ("enabled" if known().get("enabled") else "disabled"))
        case other:
            sys.exit(f"Unknown command verb {other}.")


main(sys.argv[1:])
