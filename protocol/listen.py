"""Where a daemon listens by TCP: `[listen]` of config.toml. By default nowhere, and never further than told."""

import re
from typing import Final

from msgspec import Struct

_TCP: Final = re.compile(r"tcp://([0-9.]+|localhost|\*|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", re.ASCII)
_LAST_PORT: Final = 65535


class Listen(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the daemon listens by TCP, for those who hold an allowed key; not given: nowhere."""

    #: For requests: `tcp://ADDRESS:PORT`, the address an IP address, `localhost`, or `*` for all.
    tcp: str | None = None
    #: For events; not given: the port after that.
    events: str | None = None
    #: The address may be one that other machines reach.
    beyond_loopback: bool = False

    def endpoints(self) -> tuple[str, str] | None:
        """Of requests and of events, to be bound; None: it does not listen.

        Raises:
            ValueError: one is no endpoint, or reaches further than it may; says what to do.
        """
        if self.tcp is None:
            if self.events is not None or self.beyond_loopback:
                raise ValueError("says nothing without tcp, such as tcp = 'tcp://127.0.0.1:7447'")
            return None
        address, port = split_tcp(self.tcp)
        events = self.events or f"tcp://{address}:{port + 1}"
        if split_tcp(events) == (address, port):
            raise ValueError("tcp and events are the same, and each needs a port of its own")
        for endpoint in (self.tcp, events):
            if not (is_loopback(split_tcp(endpoint)[0]) or self.beyond_loopback):
                raise ValueError(
                    f"{endpoint} can be reached from other machines, and whoever holds an allowed key could run "
                    "commands as you from there: use tcp://127.0.0.1:PORT, or say so with beyond_loopback = true"
                )
        return _bindable(self.tcp), _bindable(events)


def split_tcp(endpoint: str) -> tuple[str, int]:
    """Address and port of `tcp://ADDRESS:PORT`; an IPv6 address keeps its brackets.

    Raises:
        ValueError: it is none.
    """
    match = _TCP.fullmatch(endpoint)
    if match is None or not 1 <= int(match[2]) <= _LAST_PORT:
        raise ValueError(f"{endpoint!r} is no TCP endpoint: expected tcp://ADDRESS:PORT, such as tcp://127.0.0.1:7447")
    return match[1], int(match[2])


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address, as `split_tcp` gives it.

    Raises:
        ValueError: it is no IP address; a name could mean any, and another one tomorrow.
    """
    if address in ("*", "localhost"):
        return address == "localhost"
    import ipaddress  # noqa: PLC0415 (seldom needed)

    return ipaddress.ip_address(address.strip("[]")).is_loopback


def _bindable(endpoint: str) -> str:
    address, port = split_tcp(endpoint)
    return f"tcp://127.0.0.1:{port}" if address == "localhost" else endpoint
