"""What goes wrong inside the core: refusals travel as protocol errors, the rest are bugs of ours."""

from collections.abc import Sequence


class InvalidTransition(Exception):
    """A fact met a state that it is not listed for in the table: a bug. Carries the task's story."""

    def __init__(self, ref: str, state: str, fact: str, story: Sequence[str]) -> None:
        super().__init__(f"{ref} is {state}, in which {fact} may not come; its story: {'; '.join(story) or 'none'}")
        self.ref = ref
        self.state = state
        self.fact = fact
        self.story = tuple(story)


class InvariantBroken(Exception):
    """The self-check found a state that must not be: a bug."""
