"""Durations: what is one, and how it is shown."""

import pytest

from orch_actors.protocol.spec.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2d", 172800),
        ("250ms", 0.25),
        ("7", 7),
        (" 1h 5s ", 3605),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "5x", "-5s", "1h30", "1e3", "nan", "inf", "1,5s", "٣s"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4s"), (12, "12s"), (185, "3m05s"), (7800, "2h10m"), (273600, "3d04h"), (59.7, "1m00s")],
)
def test_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
