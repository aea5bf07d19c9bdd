"""An incident as recorded series for a real database: a route that reconnects slowly."""

from datetime import UTC, datetime

from tests.support.history import Points, steady

# Two hours, of which the second half hour is broken.
LENGTH, BROKEN_FROM, BROKEN_UNTIL = 7200.0, 1800.0, 3600.0
ALERT = {"alertname": "SSEHighReconnectLatency", "severity": "warning", "job": "chat"}


def signal(bad: float, good: float) -> Points:
    """Return a signal every 30 s: bad for half an hour."""
    return [
        (at, bad if BROKEN_FROM <= at <= BROKEN_UNTIL else good)
        for at in (30.0 * n for n in range(int(LENGTH / 30) + 1))
    ]


def between(value: float, begin: float, end: float) -> Points:
    """Return a signal that is there between two times only."""
    return [(at, value) for at, _ in signal(0, 0) if begin <= at <= end]


def incident(start: float, until: float = LENGTH) -> list[tuple[dict[str, str], Points]]:
    """Return the records of two routes, one of which reconnects slowly on 3g, up to a time."""
    series: list[tuple[dict[str, str], Points]] = []
    for route in ("/a", "/b"):
        bad = route == "/b"
        own = {"job": "chat", "route": route}

        def add(name: str, points: Points, own: dict[str, str] = own, **more: str) -> None:
            series.append(({**own, **more, "__name__": name}, points))

        add("route:sse_streams_open:sum", steady(20, LENGTH, step=30))
        add("route:sse_streams_completed:rate5m", steady(2, LENGTH, step=30))
        add("route:sse_streams_good:rate5m", steady(2, LENGTH, step=30))
        cause = "upstream" if bad else "network"
        add("route:sse_streams_failed_by:rate5m", steady(0.5, LENGTH, step=30), cause=cause)
        add("route:sse_streams_lost:rate5m", signal(0.5 if bad else 0, 0))
        add("route:sse_completion_objective:ratio", steady(0.995, LENGTH, step=30))
        add("route:sse_error_budget:ratio_left", signal(0.3 if bad else 0.9, 0.9))
        slow = "route:sse_reconnects_slow"
        add(f"{slow}:ratio_rate10m", signal(0.6 if bad else 0.01, 0.01))
        add(f"{slow}:increase10m", signal(60 if bad else 1, 1))
        add("route:sse_reconnects:increase10m", steady(100, LENGTH, step=30))
        for network, broken in (("4g", False), ("3g", bad)):
            for le, rate in (("5.0", 0.1 if broken else 0.5), ("+Inf", 0.5)):
                add(
                    "route_split:sse_reconnect_time_seconds_bucket:rate5m",
                    signal(rate, 0.5),
                    network_type=network,
                    le=le,
                )
    firing = {**ALERT, "route": "/b"}
    since = BROKEN_FROM + 30
    shown = between(1, since + 600, BROKEN_UNTIL)
    series.append(({**firing, "__name__": "ALERTS", "alertstate": "firing"}, shown))
    pending = between(1, since, since + 570)
    series.append(({**firing, "__name__": "ALERTS", "alertstate": "pending"}, pending))
    states = between(start + since, since, BROKEN_UNTIL)
    series.append(({**firing, "__name__": "ALERTS_FOR_STATE"}, states))
    return [(labels, [one for one in points if one[0] <= until]) for labels, points in series]


def iso(at: float) -> str:
    """Write a time as the command line takes it."""
    return datetime.fromtimestamp(at, UTC).isoformat()
