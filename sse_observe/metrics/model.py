"""The form of a metric: name, kind, labels, buckets, help."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sse_observe.metrics.labels import NETWORKS

Source = Literal["process", "server", "replay", "tcp", "client", "store", "upstream", "probe"]


@dataclass(frozen=True, slots=True)
class Metric:
    """
    One metric family as it is exposed.

    `labels` maps each label to its known values, or to `()` where they come from the
    application's own declarations (route, user_segment, declared event names).
    `source` is what feeds the family, named by the file that declares it: a source that is off
    exports no series.
    `multiprocess` is prometheus_client's way of merging a gauge over worker processes.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: Mapping[str, tuple[str, ...]]
    help: str
    source: Source = "server"
    buckets: tuple[float, ...] = ()
    multiprocess: str = "livesum"
    at_zero: bool = True
    """Whether the children of a route exist at 0 before anything happens."""

    def source_of(self, **labels: str) -> Source:
        """Return what feeds the series with these labels: clients theirs, in any family."""
        return "client" if labels.get("seen_by") == "client" else self.source

    def series(self, *, segments: int = 1, networks: int = len(NETWORKS), events: int = 0) -> int:
        """
        Return the most series that one route of one process can export.

        `segments` counts the declared user segments in use, `events` the event names that the
        application declares beside our own.
        """
        sizes = {"user_segment": segments, "network_type": networks}
        children = 1
        for label, values in self.labels.items():
            children *= sizes.get(label, len(values) or 1)
            if label == "event":
                children += events
        return children * (len(self.buckets) + 3 if self.kind == "histogram" else 1)
