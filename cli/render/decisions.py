"""Decisions as text: each with what there is to judge by, and how to answer it."""

from collections.abc import Sequence
from typing import Final

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import Style, paint
from orch_actors.cli.render.times import ago_text, stamp_of
from orch_actors.cli.render.width import clip_painted
from orch_actors.cli.words import typed
from orch_actors.protocol.messages import Decided
from orch_actors.protocol.spec.durations import format_duration
from orch_actors.protocol.views import DecisionView, Event

#: Last lines of a failed attempt's output, and of its validation's, that are shown.
_TAIL_LINES: Final = 5


def decisions_text(decisions: Sequence[DecisionView], now_utc: float, style: Style, home: str | None = None) -> str:
    """A block for each; `home` stands in the commands where one was named."""
    if not decisions:
        return "no open decisions"
    return "\n\n".join(_block(decision, now_utc, style, home) for decision in decisions)


def answer_hint(ref: str, options: Sequence[str], home: str | None = None) -> str:
    """How to answer: `orch-actors decide d7 approve|reject`, or with an option that can be pasted as it is."""
    command = typed("decide", ref)
    behind = typed(home=home).removeprefix("orch-actors")
    if not options:
        return f"{one_line(command)} CHOICE{one_line(behind)}"
    plain = all(option.replace("_", "").replace("-", "").isalnum() for option in options)
    choice = "|".join(options) if plain else typed(options[0]).removeprefix("orch-actors ")
    return f"{one_line(command)} {one_line(choice)}{one_line(behind)}"


def asked_hint(event: Event, home: str | None = None) -> str:
    """How to answer the decision that an event `decision_asked` tells of."""
    options = event.data.get("options")
    texts = [str(option) for option in options] if isinstance(options, list) else []
    return answer_hint(str(event.data.get("ref", "")), texts, home)


def subject_text(decision: DecisionView | Decided) -> str:
    """What a decision is about: `g1/build`, or `worker shell`."""
    if decision.worker:
        return f"worker {one_line(decision.worker)}"
    return f"{one_line(decision.graph)}/{one_line(decision.task)}"


def _block(decision: DecisionView, now_utc: float, style: Style, home: str | None) -> str:
    where = subject_text(decision)
    asked = ago_text(decision.asked_utc, now_utc)
    head = f"{paint(one_line(decision.ref), 'bold', style)}  {where}  {one_line(decision.kind)}  asked {asked}"
    lines = [head, f"  {one_line(decision.question)}"]
    for name in ("validation", "tail"):
        lines += [f"  {'|' if name == 'tail' else 'validation |'} {one_line(line)}" for line in _last(decision, name)]
    options = " | ".join(one_line(option) for option in decision.options)
    if decision.choice is None:
        lines.append(f"  options: {options}{_deadline(decision, now_utc)}")
        lines.append(f"  answer: {answer_hint(decision.ref, decision.options, home)}")
    else:
        lines.append(f"  {_answered(decision, now_utc)}")
    return "\n".join(clip_painted(line, style.width) for line in lines)


def _last(decision: DecisionView, name: str) -> list[str]:
    text = decision.evidence.get(name)
    return text.rstrip().splitlines()[-_TAIL_LINES:] if isinstance(text, str) else []


def _deadline(decision: DecisionView, now_utc: float) -> str:
    due = stamp_of(decision.deadline_utc)
    if due is None:
        return ""
    default = one_line(decision.default or "the default")
    return f"  ({default} in {format_duration(max(0.0, due - now_utc))})"


def _answered(decision: DecisionView, now_utc: float) -> str:
    when = ago_text(decision.answered_utc, now_utc)
    note = f": {one_line(decision.note)}" if decision.note else ""
    return f"answered {one_line(decision.choice or '')}{note}  (by {one_line(decision.by)}, {when})"
