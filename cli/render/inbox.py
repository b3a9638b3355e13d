"""The inbox as text: a line for each graph, below it the tasks that failed and the questions that are open."""

from typing import Final

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.decisions import answer_hint
from orch_actors.cli.render.style import Style, colour_of, counts_text, paint, symbol
from orch_actors.cli.words import typed
from orch_actors.protocol.inbox import Inbox, Item

#: Characters of a question that are shown.
_QUESTION: Final = 200


def inbox_text(inbox: Inbox, style: Style, home: str | None = None, *, acknowledged: bool = False) -> str:
    """The items, and how to acknowledge them where that was not asked for."""
    if not inbox.items and not inbox.lost:
        return "nothing new"
    lines = [one_line(inbox.lost)] if inbox.lost else []
    lines += [line for item in inbox.items for line in _item(item, style, home)]
    if inbox.more:
        lines.append("… and more, once these are acknowledged")
    if not acknowledged:
        lines.append(paint(f"acknowledge: {typed('inbox', '--done', str(inbox.through), home=home)}", "dim", style))
    return "\n".join(lines)


def _item(item: Item, style: Style, home: str | None) -> list[str]:
    mark = paint(symbol(item.state, style), colour_of(item.state), style)
    lines = [f"{mark} {one_line(item.line)}"]
    if item.tasks and not item.ended:
        lines.append(f"    since: {counts_text(item.tasks)}")
    if item.failed:
        lines.append(f"    failed: {', '.join(one_line(f'{item.graph}/{task}') for task in item.failed)}")
    for decision in item.decisions:
        question = one_line(decision.question)
        cut = question if len(question) <= _QUESTION else question[: _QUESTION - 1] + "…"
        lines.append(f"    {one_line(decision.ref)} {one_line(decision.task)} asks: {cut}")
        lines.append(f"      answer: {answer_hint(decision.ref, decision.options, home)}")
    return lines
