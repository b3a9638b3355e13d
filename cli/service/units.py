"""What a service manager is given to run the daemon: a unit for systemd, a property list for launchd. Pure text.

Choices, each for the sake of the tasks, which outlive the daemon:

- `KillMode=process`, `AbandonProcessGroup`: stopping the service ends the daemon alone. (Its worker hosts leave by
  themselves.) systemd's default would end every task with it.
- `OOMPolicy=continue`: a task that is ended for its memory does not take the service along.
- `Type=notify`: started means that it serves; `reload` has it read config.toml again.
- `Restart=on-failure`, but not after exit code 100, a lasting fault of the configuration: that is for a person. After
  111 (such as: another daemon serves this home already) it is tried for ever, a few seconds apart.
"""

import hashlib
import os
import plistlib
from collections.abc import Sequence
from typing import Final

#: Between two tries.
RESTART_S: Final = 3

#: What the daemon may take to read a long journal, and to go.
START_S: Final = 600
STOP_S: Final = 60


def service_name(home: str, *, default: bool) -> str:
    """`orch-actors`; of a home that is not the default one, with a mark of it behind."""
    if default:
        return "orch-actors"
    return "orch-actors-" + hashlib.sha256(os.fsencode(os.path.realpath(home))).hexdigest()[:8]


def systemd_unit(command: Sequence[str], home: str) -> str:
    """The unit's text."""
    return f"""\
# Written by `orch-actors service install`; `orch-actors service uninstall` takes it away.
[Unit]
Description=orch-actors: long-running tasks ({_percent(home)})
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={" ".join(map(_word, command))}
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
OOMPolicy=continue
Restart=on-failure
RestartSec={RESTART_S}
RestartPreventExitStatus=100
TimeoutStartSec={START_S}
TimeoutStopSec={STOP_S}

[Install]
WantedBy=default.target
"""


def launchd_plist(command: Sequence[str], name: str, log: str) -> str:
    """The property list's text."""
    document = {
        "Label": name,
        "ProgramArguments": list(command),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "AbandonProcessGroup": True,
        "ThrottleInterval": 10,
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
    return plistlib.dumps(document, sort_keys=False).decode()


def _word(text: str) -> str:
    """One argument, as systemd reads it: in double quotes, nothing expanded."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("$", "$$")
    return f'"{_percent(escaped)}"'


def _percent(text: str) -> str:
    return text.replace("%", "%%").replace("\n", " ")
