"""The live area leaves a tidy terminal."""

import os
import pty
import threading

import pytest

from orch_actors.cli.live.screen import LiveArea


@pytest.fixture
def terminal():
    controller, own = pty.openpty()
    with open(own, "w", encoding="utf-8") as stream:
        yield controller, stream
    os.close(controller)


def _read_until(fd, what):
    seen = b""
    while what not in seen:
        seen += os.read(fd, 65536)
    return seen


def test_draws_when_touched_and_clears(terminal):
    controller, stream = terminal
    shown = ["one", "two"]
    with LiveArea(stream, lambda columns, rows: list(shown)) as area:
        first = _read_until(controller, b"two")
        assert b"\x1b[?25l" in first
        with area.lock:
            shown[:] = ["three"]
        area.touch()
        again = _read_until(controller, b"three")
        assert b"\x1b[2A" in again
    end = _read_until(controller, b"\x1b[?25h")
    assert end.endswith(b"\x1b[1A\x1b[J\x1b[?25h")


def test_the_cursor_comes_back_after_an_error(terminal):
    controller, stream = terminal
    drawn = threading.Event()

    def draw(columns, rows):
        drawn.set()
        return ["x"]

    with pytest.raises(KeyboardInterrupt), LiveArea(stream, draw):  # noqa: PT012
        assert drawn.wait(10)
        raise KeyboardInterrupt
    assert b"\x1b[?25h" in _read_until(controller, b"\x1b[?25h")
