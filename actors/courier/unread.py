"""What a consumer has not been given yet; and where that is not kept any more, one event that says so.

A reader that slept past what the daemon keeps is refused with EVENTS_GONE. Nobody is left in the dark for that, and
nothing stops for it: the loss is told to whoever would have been told of the events, as an event of the kind
`events_gone`, numbered as the last that is gone, and reading goes on behind it.
"""

import time
from typing import Final

from loguru import logger

from orch_actors.protocol import messages as m
from orch_actors.protocol.client import Client
from orch_actors.protocol.errors import ErrorInfo, Refused
from orch_actors.protocol.views import Event, utc_text

#: Of our own making: no daemon sends it.
GONE: Final = "events_gone"

_PAGE: Final = 500


def unread(client: Client, consumer: str, since: int | None, graph: str | None = None) -> m.Events:
    """Events of a consumer after `since`, or after its cursor; `through` below `head`: there are more.

    `graph`: whose events they are, if they are all of one.

    Raises:
        Refused, Unavailable: as `Client` does, but for EVENTS_GONE.
    """
    try:
        return client.read_consumer(consumer, since=since, limit=_PAGE)
    except Refused as refused:
        if refused.info.code != "EVENTS_GONE" or refused.info.oldest is None:
            raise
        return _loss(refused.info, refused.info.oldest, graph)


def begin(client: Client, consumer: str, since: int, kinds: tuple[str, ...]) -> int:
    """Be known as a consumer of these kinds, and where its cursor stands; `since`: where a new one begins.

    One that was opened for other kinds, by an earlier version or by somebody, goes on for these, where it stood.

    Raises:
        Refused, Unavailable: as `Client` does.
    """
    try:
        return client.open_consumer(consumer, since=since, kinds=kinds).cursor
    except Refused as refused:
        if refused.info.code != "NOT_ALLOWED":
            raise
        cursor = client.open_consumer(consumer).cursor
        logger.warning("consumer {} was there for other events: it goes on after {} for its own", consumer, cursor)
        client.forget_consumers([consumer])
        return client.open_consumer(consumer, since=max(cursor, client.hello().oldest - 1), kinds=kinds).cursor


def _loss(info: ErrorInfo, oldest: int, graph: str | None) -> m.Events:
    told = Event(
        seq=oldest - 1,
        kind=GONE,
        time_utc=utc_text(time.time()),
        graph=graph,
        message=f"{info.message}: they were not told",
        data={"oldest": oldest},
    )
    return m.Events(events=(told,), head=oldest, through=oldest - 1)
