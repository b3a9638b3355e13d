"""A bounded amount that many take from, so that none of them can have it all. Pure.

Each may have as much as is left over: one alone gets half, n that want without end get 1/(n+1) each, and there is
always room for one more. (Dynamic thresholds: Choudhury and Hahne, "Dynamic queue length thresholds in a shared
memory switch", 1996.)

Rejected: a fixed bound for each, which is either too small for one alone or, times their number, no bound at all;
and first come, first served, where one that floods takes everything and the others are refused.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Share(Generic[Key]):
    """See the module. Not thread-safe. Invariant: `used` is the sum of what all have."""

    def __init__(self, total: int) -> None:
        #: May be changed; who has more than its share then keeps it.
        self.total = total
        self.used = 0
        self._of: dict[Key, int] = {}

    def of(self, key: Key) -> int:
        """What one has."""
        return self._of.get(key, 0)

    def fits(self, key: Key, amount: int) -> bool:
        """Whether it may have so much more."""
        return self._of.get(key, 0) + amount <= self.total - self.used

    def take(self, key: Key, amount: int) -> None:
        """Have so much more, whether it fits or not."""
        self.used += amount
        self._of[key] = self._of.get(key, 0) + amount

    def give_back(self, key: Key, amount: int) -> None:
        """Have so much less."""
        left = self._of.get(key, 0) - amount  # who took nothing, an empty body say, may not be known any more
        assert left >= 0, f"{key!r} gives back more than it has"  # noqa: S101 (our invariant)
        self.used -= amount
        if left:
            self._of[key] = left
        else:
            self._of.pop(key, None)
