"""Consumers as text: who reads events under a name, and how far each is behind."""

from collections.abc import Sequence

from orch_actors.cli.escape import one_line
from orch_actors.cli.render.style import Style
from orch_actors.cli.render.table import table
from orch_actors.cli.render.times import ago_text
from orch_actors.protocol.views import ConsumerView


def consumers_table(consumers: Sequence[ConsumerView], now_utc: float, style: Style) -> str:
    """A consumer a row."""
    if not consumers:
        return "no consumers"
    rows = [
        (
            one_line(consumer.name),
            str(consumer.cursor),
            str(consumer.behind),
            ago_text(consumer.acknowledged_utc, now_utc) if consumer.acknowledged_utc else "never",
            _wants(consumer),
        )
        for consumer in consumers
    ]
    return table(("NAME", "CURSOR", "BEHIND", "ACKNOWLEDGED", "WANTS"), rows, style, right=(1, 2))


def _wants(consumer: ConsumerView) -> str:
    wants = ", ".join(one_line(kind) for kind in consumer.kinds) or "everything"
    return wants + (f" of {', '.join(one_line(graph) for graph in consumer.graphs)}" if consumer.graphs else "")
