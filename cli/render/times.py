"""Instants and lengths of time for people. The clock's reading is an argument."""

from datetime import datetime, tzinfo

from orch_actors.protocol.spec.durations import format_duration


def stamp_of(text: str | None) -> float | None:
    """Seconds since the epoch from RFC 3339 text; None where there is none, or it is none."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def clock_text(text: str, zone: tzinfo | None = None) -> str:
    """`09:05:00` in `zone` (None: the local one); what is no instant stays as it is."""
    stamp = stamp_of(text)
    return text if stamp is None else datetime.fromtimestamp(stamp, zone).astimezone(zone).strftime("%H:%M:%S")


def elapsed_text(started: str | None, ended: str | None, now_utc: float) -> str:
    """How long something took, or has taken by now; `-` where it has not begun. Never negative: clocks are set."""
    begin = stamp_of(started)
    if begin is None:
        return "-"
    end = stamp_of(ended)
    return format_duration(max(0.0, (now_utc if end is None else end) - begin))


def ago_text(text: str | None, now_utc: float) -> str:
    """`3m05s ago`."""
    stamp = stamp_of(text)
    return "-" if stamp is None else f"{format_duration(max(0.0, now_utc - stamp))} ago"
