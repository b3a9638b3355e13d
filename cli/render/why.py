"""Why a task is where it is: the sentence, what led there, and what would help."""

from datetime import tzinfo

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import Style, paint, state_text
from orch_actors.cli.render.times import clock_text
from orch_actors.cli.render.width import clip_painted
from orch_actors.protocol.views import WhyView


def why_text(view: WhyView, style: Style, help_: str, zone: tzinfo | None = None) -> str:
    """`g7/test  · pending  waits for build`, then the story, a fact a line; `help_`: the command that would help."""
    head = f"{paint(f'{one_line(view.graph)}/{one_line(view.task)}', 'bold', style)}  {state_text(view.state, style)}"
    lines = [f"{head}  {one_line(view.sentence)}".rstrip()]
    if view.cut:
        lines += ["", paint("  what came before is not kept any more", "dim", style)]
    if view.story:
        kinds = max(len(line.kind) for line in view.story)
        lines += [] if view.cut else [""]
        lines += [
            f"  {clock_text(line.time_utc, zone)}  {one_line(line.kind):<{kinds}}  {one_line(line.message)}".rstrip()
            for line in view.story
        ]
    if help_:
        lines += ["", f"try: {one_line(help_)}"]
    return "\n".join(clip_painted(line, style.width) for line in lines)
