"""Who listens at an event socket: subscriptions counted, so that nothing is encoded for nobody.

It knows frames and no socket; the gateway owns those. Invariant: a count is never below 0, whatever a peer sends.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from orch_actors.protocol import codec
from orch_actors.protocol.messages import Heartbeat, Published

_ENCODINGS: Final[dict[bytes, codec.Encoding]] = {codec.TOPIC_MSGPACK: "msgpack", codec.TOPIC_JSON: "json"}


class Audience:
    """The subscribers of one XPUB."""

    def __init__(self) -> None:
        self._topics: Counter[bytes] = Counter(dict.fromkeys(_ENCODINGS, 0))

    def __bool__(self) -> bool:
        return self._topics.total() > 0

    def count(self, topic: bytes) -> int:
        """Subscriptions to a topic."""
        return self._topics[topic]

    def take(self, frames: list[bytes]) -> bool | None:
        """Count what a peer has sent: True, somebody subscribed; False, somebody left; None, it was neither."""
        flag, topic = frames[0][:1], frames[0][1:]
        if flag not in (b"\0", b"\1"):
            return None
        comes = flag == b"\1"
        for each in _ENCODINGS:
            if each.startswith(topic):  # the empty topic subscribes to everything
                self._topics[each] = max(0, self._topics[each] + (1 if comes else -1))
        return comes

    def letters(self, message: Published | Heartbeat) -> Iterator[list[bytes]]:
        """The frames to send, one letter for each encoding that somebody wants."""
        for topic, encoding in _ENCODINGS.items():
            if self._topics[topic]:
                yield [topic, codec.encode(message, encoding)]
