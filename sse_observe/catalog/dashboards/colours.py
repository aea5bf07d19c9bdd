"""Colours of the names that panels show: quantiles, networks, reasons, outcomes, faults."""

from collections.abc import Mapping

from sse_observe.catalog.model import Colour
from sse_observe.metrics import METRICS

Colours = Mapping[str, Colour]

QUANTILE_COLOURS: Colours = {"p50": "p50", "p95": "p95", "p99": "p99"}
NETWORK_COLOURS: Colours = {
    "slow-2g": "slow-2g",
    "2g": "2g",
    "3g": "3g",
    "4g": "4g",
    "unknown": "calm",
}
REASON_COLOURS: Colours = {
    "completed": "good",
    "client_disconnected": "client",
    "shutdown": "calm",
    "slow_consumer": "warn",
    "server_error": "bad",
    "error_event": "p99",
    "cancelled": "slow-2g",
    "rotated": "p95",
    "already_complete": "4g",
    "polled": "p50",
}
JUDGEMENT_COLOURS: Colours = {
    "good": "good",
    "late_first_event": "warn",
    "gap": "p95",
    "empty": "2g",
    "error_event": "p99",
    "server_error": "bad",
    "slow_consumer": "4g",
    "lost": "calm",
}
RESUME_COLOURS: Colours = {
    "full": "good",
    "gap": "bad",
    "unknown_stream": "warn",
    "malformed": "calm",
}
MESSAGE_COLOURS: Colours = {
    "waiting": "warn",
    "reconnecting": "client",
    "offline": "calm",
    "polling": "p95",
    "failed": "bad",
}
CAUSE_COLOURS: Colours = {
    "upstream": "warn",
    "application": "bad",
    "deploy": "calm",
    "network": "client",
    "user": "4g",
    "unknown": "plain",
}
UPSTREAM_COLOURS: Colours = {
    "completed": "good",
    "abandoned": "client",
    "error_event": "p99",
    "cut": "bad",
    "timeout": "warn",
    "empty": "calm",
    "refused_4xx": "p50",
    "refused_429": "p95",
    "refused_5xx": "2g",
    "unreachable": "slow-2g",
}
STATUS_COLOURS: Colours = {"3xx": "calm", "4xx": "client", "429": "warn", "5xx": "bad"}
OBSERVER_COLOURS: Colours = {"server": "plain", "client": "client"}

# No kind of fault is better than another: colours that are easy to tell apart.
_KINDS: tuple[Colour, ...] = ("client", "p99", "warn", "2g", "4g", "calm", "p50")


def _apart(metric: str, label: str) -> Colours:
    return dict(zip(METRICS[metric].labels[label], _KINDS, strict=False))


FAULT_COLOURS = _apart("sse_response_faults_total", "fault")
PLACE_COLOURS = _apart("sse_observer_faults_total", "where")
STORE_COLOURS = _apart("sse_store_errors_total", "error")
