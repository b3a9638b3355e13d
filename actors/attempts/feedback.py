"""What an attempt is told of the one before it: why that failed, in words. Pure.

For every worker type: an agent reads it in its prompt, any program in the file that ORCH_FEEDBACK names.
"""

from typing import Final

from orch_actors.actors.core.nodes import Attempt, Task

#: Longest feedback in characters.
MAX_FEEDBACK: Final = 6000

#: Ends that say nothing about the work itself.
_NOT_ITS_FAULT: Final = frozenset({None, "quota", "cancelled", "spawn", "auth", "unknown"})


def feedback_of(task: Task, number: int) -> str:
    """What attempt `number` is told; empty for a first one, and where there is nothing to learn."""
    before = task.attempts[number - 2] if number > 1 else None
    while before is not None and before.cls == "quota":
        before = task.attempts[before.number - 2] if before.number > 1 else None
    if before is not None and before.verdict is not None:
        said = before.verdict
        return f"Attempt {before.number} was not accepted by its judge: {said['why']}\n\n{said['feedback']}".strip()
    if before is None or before.cls in _NOT_ITS_FAULT:
        return ""
    return _told(before)[:MAX_FEEDBACK]


def _told(attempt: Attempt) -> str:
    text = f"Attempt {attempt.number} failed ({attempt.cls}): {attempt.message}"
    if attempt.checked:
        text += f"\n\nWhat its validation printed:\n{attempt.checked}"
    return f"{text}\n\nIts last output:\n{attempt.tail}" if attempt.tail else text
