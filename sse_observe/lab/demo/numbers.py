"""The numbers of a demo, read from the text of `/metrics`: no Prometheus is needed."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from sse_observe.catalog.signals.completion import completion as completion_of


@dataclass(frozen=True)
class Numbers:
    """
    A service's own view of its streams at one moment.

    Counts are since the process started. `completion` is a share of 1, `mean_reconnect` is in
    seconds; both are None until something happened.
    """

    started: int
    completed: int
    lost: int
    cancelled: int
    active: int
    resumed: int
    lost_events: int
    duplicate_events: int
    stalls: int
    completion: float | None
    mean_reconnect: float | None


class _Samples:
    """The samples of one exposition, by name."""

    def __init__(self, exposition: str) -> None:
        self._found: dict[str, list[tuple[Mapping[str, str], float]]] = {}
        for family in text_string_to_metric_families(exposition):
            for sample in family.samples:
                self._found.setdefault(sample.name, []).append((sample.labels, sample.value))

    def total(self, name: str, **labels: str) -> float:
        wanted = labels.items()
        return sum(value for found, value in self._found.get(name, ()) if wanted <= found.items())


def read(exposition: str) -> Numbers:
    """Return the numbers of one scrape, counting started streams as the recording rules do."""
    samples = _Samples(exposition)
    started = samples.total("sse_streams_opened_total", start="fresh")
    completed = samples.total("sse_streams_closed_total", reason="completed")
    cancelled = samples.total("sse_client_streams_total", outcome="cancelled")
    active = samples.total("sse_concurrent_streams")
    # A stream between two connections counts as lost until it is back. The rules average this
    # away, one scrape cannot.
    lost = max(started - completed - cancelled - active, 0)
    reconnects = samples.total("sse_reconnect_time_seconds_count")
    waited = samples.total("sse_reconnect_time_seconds_sum")
    return Numbers(
        started=int(started),
        completed=int(completed),
        lost=int(lost),
        cancelled=int(cancelled),
        active=int(active),
        resumed=int(samples.total("sse_streams_opened_total", start="resumed")),
        lost_events=int(samples.total("sse_message_loss_total")),
        duplicate_events=int(samples.total("sse_duplicate_events_total")),
        stalls=int(samples.total("sse_stall_detections_total")),
        completion=completion_of(completed, lost),
        mean_reconnect=waited / reconnects if reconnects else None,
    )
