"""The service manager's wire: systemd is told when we are ready, when we stop, and when settings are read again.

The protocol of sd_notify(3): lines `NAME=value` in one datagram to the Unix socket that NOTIFY_SOCKET names; a name
that begins with `@` is an abstract address. Where nothing is named, nothing is told. No library: it is ten lines.
"""

import os
import socket
import time
from contextlib import suppress
from typing import Final

VARIABLE: Final = "NOTIFY_SOCKET"

#: A manager that does not read must not hold us up.
_PATIENCE_S: Final = 1.0


class ServiceManager:
    """Whoever manages this process, if anybody does. Nobody to hear it is no error: the work goes on."""

    def __init__(self, address: str | None) -> None:
        self._address = address

    @classmethod
    def from_environment(cls) -> "ServiceManager":
        """As the environment names it. The variable is taken out: what we start is not the service."""
        return cls(os.environ.pop(VARIABLE, None))

    def ready(self, status: str) -> None:
        """It serves."""
        self._tell("READY=1", f"MAINPID={os.getpid()}", f"STATUS={status}")

    def reloading(self) -> None:
        """It reads its settings again; `ready` follows."""
        # The stamp tells systemd which reload is meant, by the clock that it compares with.
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str) -> None:
        """It goes."""
        self._tell("STOPPING=1", f"STATUS={status}")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
            wire.settimeout(_PATIENCE_S)
            wire.sendto("\n".join(line.replace("\n", " ") for line in lines).encode(), address)
