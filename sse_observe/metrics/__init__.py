"""
Every metric of the package, stated once, in one file for each source.

A vocabulary, no more: recording rules, dashboards, tables of the documentation and the series
budget read it, and `registry` makes the objects. Entry: `METRICS`.
"""

from collections.abc import Mapping
from dataclasses import replace

from sse_observe.metrics import client, probe, process, replay, server, store, tcp, upstream
from sse_observe.metrics.labels import (
    ALL_USERS,
    CAUSES,
    CLIENT_OUTCOMES,
    CUT_LIMITS,
    EVENTS,
    FAILURES,
    GOOD,
    GOODPUT_LIMITS,
    JUDGEMENTS,
    KINDS,
    NETWORKS,
    OTHER,
    REASONS,
    REPORT_RESULTS,
    RESUME_OUTCOMES,
    STORE_ERRORS,
    STORE_OPERATIONS,
    UPSTREAM_ENDS,
)
from sse_observe.metrics.model import Metric, Source

__all__ = [
    "ALL_USERS",
    "CAUSES",
    "CLIENT_OUTCOMES",
    "CUT_LIMITS",
    "EVENTS",
    "FAILURES",
    "GOOD",
    "GOODPUT_LIMITS",
    "JUDGEMENTS",
    "KINDS",
    "METRICS",
    "NETWORKS",
    "OTHER",
    "REASONS",
    "REPORT_RESULTS",
    "RESUME_OUTCOMES",
    "SERVICE_METRICS",
    "STORE_ERRORS",
    "STORE_OPERATIONS",
    "UPSTREAM_ENDS",
    "Metric",
    "Source",
]

_DECLARED: Mapping[Source, tuple[Metric, ...]] = {
    "server": server.METRICS,
    "replay": replay.METRICS,
    "tcp": tcp.METRICS,
    "client": client.METRICS,
    "store": store.METRICS,
    "upstream": upstream.METRICS,
    "process": process.METRICS,
    "probe": probe.METRICS,
}

METRICS: Mapping[str, Metric] = {
    metric.name: replace(metric, source=source)
    for source, declared in _DECLARED.items()
    for metric in declared
}

SERVICE_METRICS: Mapping[str, Metric] = {
    name: metric for name, metric in METRICS.items() if metric.source != "probe"
}
"""Those of a service; a prober is a process of its own."""
