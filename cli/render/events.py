"""An event in a line."""

from datetime import tzinfo

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import Style, colour_of, paint
from orch_actors.cli.render.times import clock_text
from orch_actors.protocol.spec.durations import format_duration
from orch_actors.protocol.views import Event


def event_line(event: Event, style: Style, zone: tzinfo | None = None) -> str:
    """`   42  09:05:00  g7/build/1  attempt_ended  exit 0  1.5s`."""
    where = "/".join(str(part) for part in (event.graph, event.task, event.attempt) if part is not None) or "-"
    what = one_line(event.kind)
    if event.state:
        what += f"  {one_line(event.state)}"
    line = f"{event.seq:>6}  {clock_text(event.time_utc, zone)}  {one_line(where)}  "
    line += paint(what, colour_of(event.state or ""), style)
    code, took = event.data.get("exit_code"), event.data.get("duration_s")
    said = [f"exit {code}"] if isinstance(code, int) else []
    said += [format_duration(float(took))] if isinstance(took, int | float) else []
    said += [one_line(event.message)] if event.message else []
    return "  ".join([line, *said])
