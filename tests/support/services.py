"""
Ninety minutes of many small services: the series of each, and the alerts that it must raise.

Each has one fault from the half hour on, and raises exactly the alerts of that fault. A real
Prometheus evaluates, and its answers are held to laws that are true for every signal.
"""

import math
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from sse_observe.metrics import JUDGEMENTS, METRICS, REASONS
from tests.support.history import STALE, Points

END = 5400
FAULT = 1800
SCRAPE = 15
OPEN = 100
# What a counter has counted before: a rate does not look beyond a counter's zero.
PAST = 1000.0

Key = tuple[str, tuple[tuple[str, str], ...]]
Value = Callable[[float], float | None]


def key(name: str, **labels: str) -> Key:
    return name, tuple(sorted(labels.items()))


def rate(before: float, since: float | None = None, *, first: float = PAST) -> Value:
    """Return a counter: so much per second, and another rate from the fault on."""
    after = before if since is None else since
    return lambda at: first + before * min(at, FAULT) + after * max(at - FAULT, 0)


def level(before: float, since: float | None = None) -> Value:
    """Return a gauge: one value, and another from the fault on."""
    return lambda at: before if since is None or at < FAULT else since


def histogram(
    name: str, value: float, counted: Value, *, short: bool = False, **labels: str
) -> dict[Key, Value]:
    """Return a histogram whose observations all have one value; `short` writes 5.0 as 5."""
    labels = {**dict.fromkeys(METRICS[name].labels, "r"), **labels}
    found = {key(f"{name}_count", **labels): counted}
    found[key(f"{name}_sum", **labels)] = lambda at: (counted(at) or 0) * value
    for bound in (*METRICS[name].buckets, math.inf):
        le = "+Inf" if bound == math.inf else f"{bound:g}" if short else f"{float(bound)}"
        within = counted if value <= bound else (lambda _: 0.0)
        found[key(f"{name}_bucket", le=le, **labels)] = within
    return found


def both(*parts: dict[Key, Value]) -> dict[Key, Value]:
    """Add what several observations put into the same series."""
    merged: dict[Key, list[Value]] = {}
    for part in parts:
        for name, value in part.items():
            merged.setdefault(name, []).append(value)
    return {
        name: (lambda at, values=values: sum(value(at) or 0 for value in values))
        for name, values in merged.items()
    }


def store_calls(counted: Value, seconds: float) -> dict[Key, Value]:
    """Return the calls of a shared store that take so long."""
    return histogram("sse_store_operation_seconds", seconds, counted, operation="write")


def consumed(**ends: Value) -> dict[Key, Value]:
    """Return the streams of an upstream by how they end."""
    return {
        key("sse_upstream_streams_closed_total", upstream="u", reason=reason): counted
        for reason, counted in ends.items()
    }


def first_contents(seconds: float, counted: Value) -> dict[Key, Value]:
    """Return streams of an upstream that bring their first content after so long."""
    return histogram("sse_upstream_first_content_seconds", seconds, counted, upstream="u")


def streams(
    *,
    completed: Value,
    broken: Value | None = None,
    stated: Value | None = None,
    stopped: Value | None = None,
    started: Value | None = None,
    gone: Value | None = None,
    late: Value | None = None,
    left_late: Value | None = None,
    network: str = "4g",
    kind: str = "finite",
) -> dict[Key, Value]:
    """
    Return a service that starts one stream a second and holds a hundred open.

    `stated` are streams that say of themselves that they failed, `stopped` those of which the
    server says that their user stopped them. `late` completed beyond their limit, the clients of
    `left_late` left beyond it.
    """
    stream = {"route": "r", "user_segment": "all", "network_type": network}
    nothing = rate(0)
    reasons = {
        **dict.fromkeys(REASONS, nothing),
        "completed": completed,
        "client_disconnected": gone or rate(0.11),
        "server_error": broken or nothing,
        "error_event": stated or nothing,
        "cancelled": stopped or nothing,
    }
    found = {
        key("sse_concurrent_streams", route="r"): level(OPEN),
        key("sse_route_info", route="r", kind=kind): level(1),
        key("sse_build_info", version="1"): level(1),
        key("sse_start_time_seconds"): level(-86400),
        key("up"): level(1),
        key("sse_streams_opened_total", start="fresh", **stream): started
        or rate(1, first=PAST + OPEN),
        key("sse_streams_opened_total", start="resumed", **stream): rate(0.01),
        key("sse_client_streams_total", outcome="completed", **stream): completed,
        key("sse_client_streams_total", outcome="cancelled", **stream): rate(0.1),
    }
    for reason, value in reasons.items():
        found[key("sse_streams_closed_total", reason=reason, **stream)] = value
    judged = {
        **dict.fromkeys(JUDGEMENTS, nothing),
        "good": (lambda at: (completed(at) or 0) - late(at)) if late else completed,
        "late_first_event": late or nothing,
        "gap": left_late or nothing,
        "server_error": broken or nothing,
        "error_event": stated or nothing,
    }
    for verdict, value in judged.items():
        found[key("sse_streams_judged_total", verdict=verdict, **stream)] = value
    for gauge in ("silent", "stalled", "orphaned", "late"):
        found[key(f"sse_{gauge}_streams", route="r")] = level(0)
    return found


HEALTHY = streams(completed=rate(0.9))


LIMITS = {key("sse_goodput_limit_seconds", route="r", limit="gap"): level(10)}


def everything() -> dict[Key, Value]:
    """Return a healthy service that exports every family."""
    route = {"route": "r"}
    found = dict(HEALTHY)
    usual = {
        "sse_stream_duration_seconds": 100,
        "sse_time_to_first_event_seconds": 0.3,
        "sse_event_gap_seconds": 0.2,
        "sse_content_gap_seconds": 0.05,
        "sse_event_loop_lag_seconds": 0.002,
        "sse_event_size_bytes": 100,
        "sse_tcp_rtt_seconds": 0.04,
        "sse_stall_recovery_seconds": 3,
        "sse_event_delay_seconds": 0.05,
    }
    for name, value in usual.items():
        found |= histogram(name, value, rate(1))
    found |= histogram("sse_reconnect_time_seconds", 1.5, rate(0.1), network_type="4g")
    found |= store_calls(rate(5), 0.002)
    found |= first_contents(0.3, rate(1))
    found |= histogram("sse_upstream_content_gap_seconds", 0.05, rate(10), upstream="u")
    busy = {
        "message",
        "heartbeat",
        "full",
        "accepted",
        "4g",
        "live",
        "other",
        "flowing",
        "u",
        "completed",
    }
    for metric in METRICS.values():
        if metric.kind != "counter" or any(name == metric.name for name, _ in found):
            continue
        free = {k: v for k, v in metric.labels.items() if k != "route"}
        if "upstream" in free:
            free["upstream"] = ("u",)
        combinations = [{}]
        for label, values in free.items():
            combinations = [{**c, label: v} for c in combinations for v in values]
        for labels in combinations:
            moves = all(value in busy for value in labels.values())
            quiet = metric.name in (
                "sse_send_blocked_seconds_total",
                "sse_unread_seconds_total",
                "sse_unread_events_total",
                "sse_tcp_retransmitted_segments_total",
                "sse_replay_evicted_events_total",
                "sse_streams_empty_total",
                "sse_producers_lost_total",
                "sse_store_errors_total",
                "sse_streams_fenced_total",
            )
            speed = 5.0 if moves and not quiet and "fault" not in labels else 0.0
            own = labels if "route" not in metric.labels else {**labels, **route}
            found[key(metric.name, **own)] = rate(speed)
    for name in ("sse_replay_buffer_events", "sse_tcp_unsent_bytes"):
        found[key(name, **route)] = level(500)
    found[key("sse_unconfirmed_streams", **route)] = level(0)
    found[key("sse_heartbeat_interval_seconds", **route)] = level(10)
    found[key("sse_stream_limit", **route)] = level(1000)
    return found | LIMITS


def healthy(*more: dict[Key, Value], whole: bool = False, **gauges: float) -> dict[Key, Value]:
    """
    Return a healthy service with one fault; gauges of streams take a level from it on.

    `whole` exports every family, others only those of the fault.
    """
    found = everything() if whole else dict(HEALTHY)
    for part in more:
        found |= part
    for name, value in gauges.items():
        found[key(f"sse_{name}_streams", route="r")] = level(0, value)
    return found


def one(name: str, value: Value, **labels: str) -> dict[Key, Value]:
    return {key(name, **labels): value}


def on_route(name: str, value: Value, **labels: str) -> dict[Key, Value]:
    return one(name, value, route="r", **labels)


def step(at_fault: float, before: float = 0) -> Value:
    """Return a counter that jumps once, at the fault."""
    return lambda at: before if at < FAULT else before + at_fault


def absent(when: Callable[[float], bool], series: dict[Key, Value]) -> dict[Key, Value]:
    """Return series that are not there for a while."""
    return {
        name: (lambda at, value=value: None if when(at) else value(at))
        for name, value in series.items()
    }


def probed(
    *,
    failing: Value | None = None,
    wait: Value | None = None,
    held: Value | None = None,
    left_days: Value | None = None,
) -> dict[Key, Value]:
    """Return what a prober exports that asks one target every quarter of a minute."""
    target = {"target": "t", "module": "m"}
    days = left_days or level(60)
    return {
        key("sse_build_info", version="1"): level(1),
        key("up"): level(1),
        key("sse_probe_success", **target): level(1),
        key("sse_probe_runs_total", result="success", **target): rate(1 / 15),
        key("sse_probe_runs_total", result="failure", **target): failing or level(0),
        key("sse_probe_runs_total", result="skipped", **target): rate(0.01),
        key("sse_probe_failure", reason="refused", **target): (
            lambda at: None if failing is None or at < FAULT else 1
        ),
        key("sse_probe_phase_seconds", phase="connect", **target): level(0.02),
        key("sse_probe_phase_seconds", phase="first_content", **target): wait or level(0.5),
        key("sse_probe_held_back_seconds", **target): held or level(0.0),
        key("sse_probe_certificate_expiry_timestamp_seconds", **target): (
            lambda at: 86_400 * (days(at) or 0)
        ),
    }


def missed(at: float) -> bool:
    """Say whether a scrape fails: one every four minutes, more often than any `for` ends."""
    return at % 240 == 0


@dataclass(frozen=True)
class Case:
    """A service, what it exports on each instance, and the alerts it must raise."""

    series: Mapping[str, dict[Key, Value]]
    alerts: frozenset[str] = frozenset()
    until: Mapping[str, float] = field(default_factory=dict)
    """An alert that must be silent again from an instant on."""


def case(series: dict[Key, Value], *alerts: str, until: Mapping[str, float] | None = None) -> Case:
    return Case({"a": series}, frozenset(f"SSE{name}" for name in alerts), until or {})


def deploy() -> Case:
    """One instance is replaced: its streams resume on the next, and its last counts are lost."""
    stream = {"route": "r", "user_segment": "all", "network_type": "4g"}
    old = absent(lambda at: at >= FAULT, HEALTHY)
    fresh = dict(HEALTHY)
    since = {
        "fresh": lambda at: 1.0 * (at - FAULT),
        "resumed": lambda at: min((at - FAULT) * 4, OPEN) + 0.01 * (at - FAULT),
        "completed": lambda at: 0.9 * (at - FAULT),
        "client_disconnected": lambda at: 0.11 * (at - FAULT),
        "cancelled": lambda at: 0.1 * (at - FAULT),
    }
    for start in ("fresh", "resumed"):
        fresh[key("sse_streams_opened_total", start=start, **stream)] = since[start]
    for reason in ("completed", "client_disconnected"):
        fresh[key("sse_streams_closed_total", reason=reason, **stream)] = since[reason]
    for outcome in ("completed", "cancelled"):
        fresh[key("sse_client_streams_total", outcome=outcome, **stream)] = since[outcome]
    fresh[key("sse_concurrent_streams", route="r")] = lambda at: min((at - FAULT) * 4, OPEN)
    return Case({"a": old, "b": absent(lambda at: at < FAULT, fresh)})


def young_loss() -> Case:
    """A new process lost one event before its first scrape."""
    lost = on_route("sse_message_loss_total", level(1), seen_by="server")
    fresh = {**HEALTHY, **lost, key("sse_start_time_seconds"): level(FAULT)}
    return Case(
        {"a": HEALTHY, "b": absent(lambda at: at < FAULT, fresh)},
        frozenset({"SSEMessageLoss"}),
        {"SSEMessageLoss": FAULT + 930},
    )


def failures_at_once(number: int) -> dict[Key, Value]:
    """Return a service that breaks some streams at the fault, and none before or after."""
    return streams(
        completed=rate(0.9),
        broken=step(number),
        started=lambda at: PAST + OPEN + at + (0 if at < FAULT else number),
    )


BROKEN = streams(completed=rate(0.9, 0.5), broken=rate(0, 0.4))
GAP = absent(lambda at: FAULT <= at < FAULT + 420, HEALTHY)
GAP[key("up")] = lambda at: 0 if FAULT <= at < FAULT + 420 else 1
IDLE = {name: (lambda at, value=value: value(0)) for name, value in HEALTHY.items()}
KEPT = {"sse_build_info", "sse_start_time_seconds", "sse_route_info", "up"}
# A night without a user, of a service that exports every family and declares no limit.
ASLEEP = {name: value if name[0] in KEPT else level(0) for name, value in everything().items()}


def without(series: dict[Key, Value], metric: str, **labels: str) -> dict[Key, Value]:
    """Return a service that has no such series yet: children appear with their first event."""
    gone = set(labels.items())
    return {
        name: value
        for name, value in series.items()
        if name[0] != metric or not gone <= set(name[1])
    }


CASES = {
    "healthy": case(everything()),
    "probed": case(probed()),
    "probe-that-always-waits": case(probed(wait=level(30))),
    # Its prober stands still: of no probe there is no share that succeeded.
    "probe-at-rest": case(
        {
            name: level(PAST) if name[0] == "sse_probe_runs_total" else value
            for name, value in probed().items()
        }
    ),
    "unreachable-at-the-pace-of-prometheus": case(
        {
            name: (level(1, 0) if name[0] == "sse_probe_success" else value)
            for name, value in probed(failing=level(0)).items()
            if name[0] != "sse_probe_runs_total"
        },
        "ProbeFailing",
    ),
    "unreachable": case(probed(failing=rate(0, 1 / 30)), "ProbeFailing"),
    # Nothing arrived on the day before: that is no time to compare with.
    "probe-whose-past-took-no-time": case(
        {
            name: (level(0, 0.02) if name[0] == "sse_probe_phase_seconds" else value)
            for name, value in probed().items()
        }
    ),
    # One answer in ten is no page, nor is one failure of a target that is seldom asked.
    "probe-fails-at-the-line": case(probed(failing=rate(0, 1 / 150))),
    "probe-fails-once": case(probed(failing=step(1))),
    "probe-waits": case(probed(wait=level(0.5, 9)), "ProbeSlow"),
    "probe-waits-and-always-did": case(probed(wait=level(5, 9))),
    "probe-held-back": case(probed(held=level(0, 2)), "ProbeHeldBack"),
    "probe-held-back-at-the-line": case(probed(held=level(0, 0.5))),
    "certificate": case(probed(left_days=level(60, 10)), "ProbeCertificateExpiring"),
    "certificate-at-the-line": case(probed(left_days=level(60, 14.1))),
    "pair": Case({"a": everything(), "b": everything()}),
    "idle": case(IDLE),
    "asleep": case(ASLEEP),
    # Nobody cancels: the counter of it does not exist.
    "never-cancelled": case(
        without(
            streams(completed=rate(1.0, 0.5), broken=rate(0, 0.4), gone=rate(0.01, 0.11)),
            "sse_client_streams_total",
            outcome="cancelled",
        ),
        "CompletionRateLow",
        "ErrorBudgetBurn",
    ),
    "never-completed": case(
        without(
            without(streams(completed=rate(0), broken=rate(0, 0.4)), "sse_client_streams_total"),
            "sse_streams_closed_total",
            reason="completed",
        ),
        "CompletionRateLow",
        "ErrorBudgetBurn",
    ),
    # Nobody reports, and no stream ever ended in another way.
    "no-reports": case(
        {
            name: value
            for name, value in without(
                streams(completed=rate(0.5)), "sse_client_streams_total"
            ).items()
            if name[0] != "sse_streams_closed_total" or ("reason", "completed") in name[1]
        }
    ),
    "no-duplicates": case(
        healthy(on_route("sse_client_events_received_total", rate(10), network_type="4g"))
    ),
    "deploy": deploy(),
    "scrape-gap": case(GAP),
    "scrape-gap-on-one-of-two": Case({"a": HEALTHY, "b": GAP}),
    "server-errors": case(BROKEN, "CompletionRateLow", "ErrorBudgetBurn"),
    "server-errors-on-one-of-two": Case(
        {"a": HEALTHY, "b": BROKEN}, frozenset({"SSECompletionRateLow", "SSEErrorBudgetBurn"})
    ),
    # Started streams that never end: nothing was closed, and yet nobody got an answer.
    "lost-without-a-word": case(
        streams(completed=rate(0.9, 0.5)), "CompletionRateLow", "ErrorBudgetBurn"
    ),
    "left-without-a-word": case(
        streams(completed=rate(0.9, 0.5), gone=rate(0.11, 0.51)),
        "CompletionRateLow",
        "ErrorBudgetBurn",
    ),
    # Each says within a status 200 that it failed; SDKs report nothing to us.
    "errors-in-band": case(
        streams(completed=rate(0.9, 0.5), stated=rate(0, 0.4)),
        "CompletionRateLow",
        "ErrorBudgetBurn",
        "ErrorEvents",
    ),
    "errors-in-band-without-reports": case(
        without(
            streams(completed=rate(0.9, 0.5), stated=rate(0, 0.4), gone=rate(0.11, 0.1)),
            "sse_client_streams_total",
        ),
        "CompletionRateLow",
        "ErrorBudgetBurn",
        "ErrorEvents",
    ),
    "errors-in-band-at-the-line": case(
        streams(completed=rate(0.9, 0.882), stated=rate(0, 0.0179)), "CompletionRateLow"
    ),
    "errors-in-band-of-a-feed": case(
        streams(completed=rate(0.9, 0.5), stated=rate(0, 0.4), kind="continuous"), "ErrorEvents"
    ),
    # 9 % of the streams, and four of them in ten minutes.
    "few-errors-in-band": case(
        streams(
            completed=rate(0.07),
            stated=rate(0, 0.0068),
            started=rate(0.17, 0.1768, first=OPEN),
        ),
        "CompletionRateLow",
        "ErrorBudgetBurn",
    ),
    # Their server says so, and no client does.
    "stopped-by-their-users": case(streams(completed=rate(0.9, 0.5), stopped=rate(0, 0.4))),
    "stopped-by-their-users-without-reports": case(
        without(streams(completed=rate(0.9, 0.5), stopped=rate(0, 0.4)), "sse_client_streams_total")
    ),
    "two-failures": case(failures_at_once(2)),
    # Under two percent of an hour that is not full yet: as many may be lost reports.
    "doubtful-failures": case(failures_at_once(22)),
    "certain-failures": case(failures_at_once(60), "CompletionRateLow"),
    "errors-without-an-end": case(
        streams(completed=rate(0.9, 0.5), broken=rate(0, 0.4), kind="continuous")
    ),
    # A scrape that fails must not make it a stream that is to end, not for one instant.
    "feed-between-missed-scrapes": case(
        absent(missed, streams(completed=rate(0.9, 0.5), broken=rate(0, 0.4), kind="continuous"))
    ),
    "slow-reconnects": case(
        healthy(histogram("sse_reconnect_time_seconds", 8, rate(0, 0.2), network_type="4g")),
        "HighReconnectLatency",
    ),
    # Prometheus 3 and our exporter write le="5.0"; others, and what they left in the past, le="5".
    "bounds-without-a-fraction": case(
        healthy(
            *(
                histogram(name, value, rate(0, 5), short=True)
                for name, value in (
                    ("sse_time_to_first_event_seconds", 0.3),
                    ("sse_event_delay_seconds", 0.05),
                    ("sse_event_size_bytes", 100),
                )
            ),
            histogram("sse_reconnect_time_seconds", 1.5, rate(0, 5), short=True, network_type="4g"),
        )
    ),
    "reconnects-at-the-line": case(
        healthy(
            both(
                histogram("sse_reconnect_time_seconds", 8, rate(0, 0.049), network_type="4g"),
                histogram("sse_reconnect_time_seconds", 1.5, rate(0, 0.951), network_type="4g"),
            )
        )
    ),
    "few-slow-reconnects": case(
        healthy(histogram("sse_reconnect_time_seconds", 8, rate(0, 0.02), network_type="4g"))
    ),
    "one-loss": case(
        healthy(on_route("sse_message_loss_total", step(1), seen_by="server")),
        "MessageLoss",
        until={"SSEMessageLoss": FAULT + 990},
    ),
    "loss-of-a-young-process": young_loss(),
    "losses": case(
        healthy(
            on_route("sse_message_loss_total", rate(0, 0.02), seen_by="server"),
            on_route("sse_stall_detections_total", rate(0.1), seen_by="server"),
            on_route("sse_replay_evicted_events_total", rate(1)),
        ),
        "MessageLoss",
    ),
    "loss-of-old-and-young": Case(
        {
            "a": healthy(on_route("sse_message_loss_total", step(5), seen_by="server")),
            "b": young_loss().series["b"],
        },
        frozenset({"SSEMessageLoss"}),
    ),
    "loss-that-clients-see": case(
        healthy(on_route("sse_message_loss_total", rate(0, 0.02), seen_by="client")),
        "MessageLossReported",
    ),
    "old-loss": case(healthy(on_route("sse_message_loss_total", level(7), seen_by="client"))),
    "duplicates": case(
        healthy(
            on_route("sse_client_events_received_total", rate(10), network_type="4g"),
            on_route("sse_duplicate_events_total", rate(0, 0.2), seen_by="client"),
        ),
        "HighDuplicateRate",
    ),
    "duplicates-at-the-line": case(
        healthy(
            on_route("sse_client_events_received_total", rate(10), network_type="4g"),
            on_route("sse_duplicate_events_total", rate(0, 0.099), seen_by="client"),
            # What the server replays is no duplicate until a client has it twice.
            on_route("sse_duplicate_events_total", rate(0, 5), seen_by="server"),
        )
    ),
    "duplicates-of-few": case(
        healthy(
            on_route("sse_client_events_received_total", rate(0.5), network_type="4g"),
            on_route("sse_duplicate_events_total", rate(0, 0.2), seen_by="client"),
        )
    ),
    "gone": case(absent(lambda at: at >= FAULT, HEALTHY), "TelemetryAbsent"),
    # Its hundred streams ended with it and resumed nowhere: lost, and no process counted it.
    "one-of-two-gone": Case(
        {"a": HEALTHY, "b": absent(lambda at: at >= FAULT, HEALTHY)},
        frozenset({"SSECompletionRateLow"}),
    ),
    "cliff": case(
        healthy(
            on_route("sse_cuts_total", rate(0, 0.05), since="write", limit="60"),
            on_route("sse_cuts_total", rate(0.05), since="write", limit="other"),
            on_route("sse_cuts_total", rate(0.05, 0.1), since="open", limit="other"),
        ),
        "IdleTimeoutCliff",
    ),
    # Each has its cause; that they fail is the matter of other alerts.
    "causes": case(healthy(on_route("sse_streams_failed_total", rate(0.1), cause="network"))),
    # Half of the time, and an event each second.
    "ignored-cancel": case(
        healthy(
            on_route("sse_stream_seconds_total", rate(50), state="flowing"),
            on_route("sse_unread_seconds_total", rate(0, 50)),
            on_route("sse_unread_events_total", rate(0, 1)),
        ),
        "WorkNobodyReads",
    ),
    "ignored-cancel-at-the-line": case(
        healthy(
            on_route("sse_stream_seconds_total", rate(50), state="flowing"),
            on_route("sse_stream_seconds_total", rate(50), state="stalled"),
            on_route("sse_unread_seconds_total", rate(0, 11)),
            on_route("sse_unread_events_total", rate(0, 1)),
        )
    ),
    # Nothing is produced: a handler that ends late is no waste.
    "few-unread-events": case(
        healthy(
            on_route("sse_stream_seconds_total", rate(50), state="flowing"),
            on_route("sse_unread_seconds_total", rate(0, 50)),
            on_route("sse_unread_events_total", rate(0, 0.07)),
        )
    ),
    "orphans": case(healthy(orphaned=8), "StreamLeak"),
    "orphans-between-missed-scrapes": case(
        HEALTHY | absent(missed, on_route("sse_orphaned_streams", level(0, 8))), "StreamLeak"
    ),
    "unconfirmed": case(healthy(unconfirmed=8), "StreamLeak"),
    "orphans-beside-unconfirmed": case(healthy(orphaned=4, unconfirmed=4), "StreamLeak"),
    "few-of-both": case(healthy(orphaned=2, unconfirmed=3)),
    # A tab that was frozen, and looked at again.
    "unconfirmed-that-report-again": case(
        healthy(on_route("sse_unconfirmed_streams", lambda at: 8 * (at % 120 < 60)))
    ),
    # Whoever leaves is an orphan for a moment.
    "orphans-that-pass": case(
        healthy(on_route("sse_orphaned_streams", lambda at: 8 * (at % 120 < 60)))
    ),
    "late": case(
        healthy(histogram("sse_event_delay_seconds", 2.0, rate(0, 5)), whole=True),
        "DeliveryDelayed",
    ),
    "oversized": case(
        healthy(histogram("sse_event_size_bytes", 2000, rate(0, 5))), "EventsOversized"
    ),
    "stalled": case(healthy(stalled=20), "StreamsStalled"),
    "four-stalled-of-ten": case(
        healthy(one("sse_concurrent_streams", level(10), route="r"), stalled=4)
    ),
    "silent": case(healthy(whole=True, silent=20), "HeartbeatMissing"),
    "storm": case(
        healthy(
            one(
                "sse_streams_opened_total",
                rate(0.01, 5),
                route="r",
                start="resumed",
                user_segment="all",
                network_type="4g",
            ),
            one(
                "sse_streams_closed_total",
                rate(0.11, 5.1),
                route="r",
                reason="client_disconnected",
                user_segment="all",
                network_type="4g",
            ),
        ),
        "ReconnectStorm",
    ),
    "polling": case(
        healthy(
            one(
                "sse_streams_opened_total",
                rate(0.01, 5),
                route="r",
                start="resumed",
                user_segment="all",
                network_type="4g",
            ),
            one(
                "sse_streams_closed_total",
                rate(0, 4.99),
                route="r",
                reason="polled",
                user_segment="all",
                network_type="4g",
            ),
        )
    ),
    # A third of the feeds is renewed each minute, and comes back at once.
    "rotating": case(
        healthy(
            *(
                one(
                    name,
                    rate(0.01, 0.5),
                    route="r",
                    user_segment="all",
                    network_type="4g",
                    **label,
                )
                for name, label in (
                    ("sse_streams_opened_total", {"start": "resumed"}),
                    ("sse_streams_closed_total", {"reason": "rotated"}),
                )
            )
        )
    ),
    "slow-start": case(
        healthy(
            both(
                histogram("sse_time_to_first_event_seconds", 7, rate(0, 0.1)),
                histogram("sse_time_to_first_event_seconds", 0.3, rate(1, 0.9)),
            )
        ),
        "SlowFirstEvent",
    ),
    "slow-start-at-the-line": case(
        healthy(
            both(
                histogram("sse_time_to_first_event_seconds", 7, rate(0, 0.049)),
                histogram("sse_time_to_first_event_seconds", 0.3, rate(1, 0.951)),
            )
        )
    ),
    # Four in ten minutes.
    "few-slow-starts": case(
        healthy(
            both(
                histogram("sse_time_to_first_event_seconds", 7, rate(0, 0.0068)),
                histogram("sse_time_to_first_event_seconds", 0.3, rate(0.05, 0.0432)),
            )
        )
    ),
    # A model that always thinks for 40 s, and one of which some answers do.
    "slow-thinkers": case(healthy(histogram("sse_time_to_first_event_seconds", 40, rate(0.5)))),
    "some-slow-thinkers": case(
        healthy(
            both(
                histogram("sse_time_to_first_event_seconds", 40, rate(0.3, 0.33)),
                histogram("sse_time_to_first_event_seconds", 0.3, rate(0.7, 0.67)),
            )
        )
    ),
    # Each reaches its end, most of them late.
    "late-first-events": case(
        streams(completed=rate(0.9), late=rate(0, 0.8)) | LIMITS, "GoodputBurn"
    ),
    "late-first-events-of-no-limit": case(streams(completed=rate(0.9), late=rate(0, 0.8))),
    # An eighth: within three times the budget, the least that a day allows.
    "late-first-events-at-the-line": case(
        streams(completed=rate(0.9), late=rate(0, 0.125)) | LIMITS
    ),
    "few-late-first-events": case(
        streams(completed=rate(0.003), late=rate(0, 0.002), started=rate(0.003, first=OPEN))
        | LIMITS
    ),
    # Their users gave up on them.
    "left-after-a-gap": case(
        streams(completed=rate(0.9, 0.1), left_late=rate(0, 0.8), gone=rate(0.11, 0.91))
        | LIMITS
        | on_route(
            "sse_client_streams_total",
            rate(0.1, 0.9),
            outcome="cancelled",
            user_segment="all",
            network_type="4g",
        ),
        "GoodputBurn",
    ),
    # Its first streams are late, all of them, and nobody leaves.
    "never-good": case(
        without(
            without(
                streams(
                    completed=rate(0, 1),
                    late=rate(0, 1),
                    gone=level(0),
                    started=rate(0, 1, first=PAST + OPEN),
                )
                | LIMITS,
                "sse_streams_judged_total",
                verdict="good",
            ),
            "sse_client_streams_total",
        ),
        "GoodputBurn",
    ),
    # No judgement but good ones: what vanishes is judged by nobody.
    "vanished": case(
        {
            name: value
            for name, value in (streams(completed=rate(0.9, 0.4)) | LIMITS).items()
            if name[0] != "sse_streams_judged_total" or ("verdict", "good") in name[1]
        },
        *("CompletionRateLow", "ErrorBudgetBurn", "GoodputBurn"),
    ),
    "empty": case(healthy(on_route("sse_streams_empty_total", rate(0, 0.1))), "EmptyStreams"),
    "empty-at-the-line": case(healthy(on_route("sse_streams_empty_total", rate(0, 0.044)))),
    # A tenth of the streams that complete, and four of them in ten minutes.
    "few-empty": case(
        streams(completed=rate(0.06), started=rate(0.16, first=OPEN))
        | on_route("sse_streams_empty_total", rate(0, 0.0066))
    ),
    "loop-blocked": Case(
        {
            "a": healthy(histogram("sse_event_loop_lag_seconds", 0.002, rate(1))),
            "b": healthy(
                both(
                    histogram("sse_event_loop_lag_seconds", 0.002, rate(1, 0.5)),
                    histogram("sse_event_loop_lag_seconds", 0.6, rate(0, 0.5)),
                )
            ),
        },
        frozenset({"SSEEventLoopBlocked"}),
    ),
    "loop-at-the-line": case(
        healthy(
            both(
                histogram("sse_event_loop_lag_seconds", 0.002, rate(1, 0.9)),
                histogram("sse_event_loop_lag_seconds", 0.9, rate(0, 0.1)),
            )
        )
    ),
    # A few samples of a process that hardly has a stream are no mean.
    "loop-hardly-seen": case(healthy(histogram("sse_event_loop_lag_seconds", 0.6, rate(0.1)))),
    "gaps": case(
        healthy(
            on_route("sse_resumes_total", rate(0, 0.02), outcome="gap"),
            on_route("sse_resumes_total", rate(0.1), outcome="full"),
        ),
        "ReplayMiss",
    ),
    "full": case(healthy(on_route("sse_stream_limit", level(1000, 110))), "StreamSaturation"),
    "full-between-missed-scrapes": case(
        HEALTHY | absent(missed, on_route("sse_stream_limit", level(1000, 110))),
        "StreamSaturation",
    ),
    "rejected": case(
        healthy(on_route("sse_open_rejected_total", rate(0, 0.2), status="5xx")),
        "StreamsRejected",
    ),
    "headers": case(
        healthy(on_route("sse_response_faults_total", rate(0, 0.05), fault="compressed")),
        "ResponseHeadersWrong",
    ),
    "lossy": case(
        healthy(
            on_route("sse_tcp_sent_segments_total", rate(20), network_type="3g"),
            on_route("sse_tcp_retransmitted_segments_total", rate(0, 2), network_type="3g"),
        ),
        "PacketLossHigh",
    ),
    "blocked": case(
        healthy(on_route("sse_send_blocked_seconds_total", rate(0, 20))), "SendBlocked"
    ),
    "upstream-fails": case(
        healthy(consumed(completed=rate(1, 0.9), cut=rate(0, 0.1))), "UpstreamFailing"
    ),
    "upstream-fails-at-the-line": case(
        healthy(consumed(completed=rate(1, 0.951), cut=rate(0, 0.049))),
    ),
    # Nine in ten minutes.
    "few-upstream-failures": case(
        healthy(consumed(completed=rate(0.1, 0.085), cut=rate(0, 0.0148))),
    ),
    # The application gives up half of them.
    "upstream-abandoned": case(
        healthy(consumed(completed=rate(1, 0.5), abandoned=rate(0, 0.5))),
    ),
    "upstream-slow": case(
        healthy(
            both(
                first_contents(7, rate(0, 0.2)),
                first_contents(0.3, rate(1, 0.8)),
            )
        ),
        "UpstreamSlow",
    ),
    "upstream-slow-at-the-line": case(
        healthy(
            both(
                first_contents(7, rate(0, 0.099)),
                first_contents(0.3, rate(1, 0.901)),
            )
        ),
    ),
    "few-slow-upstreams": case(
        healthy(
            both(
                first_contents(7, rate(0, 0.0068)),
                first_contents(0.3, rate(0.05, 0.0432)),
            )
        ),
    ),
    "slow-upstream-that-always-was": case(healthy(first_contents(40, rate(0.5)))),
    "store-down": case(
        healthy(
            # Who waits for a store that is gone waits long: that is no slow store.
            both(store_calls(rate(10, 1), 0.002), store_calls(rate(0, 9), 0.5)),
            one("sse_store_errors_total", rate(0, 9), operation="write", error="unreachable"),
        ),
        "ReplayStoreDown",
    ),
    "store-slow": case(
        healthy(both(store_calls(rate(20, 18), 0.002), store_calls(rate(0, 2), 0.5))),
        "ReplayStoreSlow",
    ),
    "producers-lost": case(
        healthy(
            one("sse_producers_lost_total", step(3)),
            one("sse_streams_fenced_total", rate(0, 0.1)),
        ),
        "ProducersLost",
        until={"SSEProducersLost": FAULT + 990},
    ),
    "observer": case(
        healthy(one("sse_observer_faults_total", step(1), where="tick")),
        "ObserverFaults",
        until={"SSEObserverFaults": FAULT + 990},
    ),
    "implausible-reports": case(
        healthy(
            one("sse_client_reports_total", rate(0, 0.05), result="implausible"),
            one("sse_client_reports_total", rate(1), result="accepted"),
        ),
        "ClientReportsImplausible",
    ),
    "reports": case(
        healthy(
            one("sse_client_reports_total", rate(0, 0.2), result="bad_token"),
            one("sse_client_reports_total", rate(1), result="accepted"),
        ),
        "ClientReportsRejected",
    ),
    "reports-twice": case(
        healthy(
            one("sse_client_reports_total", rate(0, 1), result="replayed"),
            one("sse_client_reports_total", rate(1), result="accepted"),
        )
    ),
}


# The healthy series of one service are those of most, and of every world.
@lru_cache(1 << 13)
def _scraped(value: Value, scrape: int) -> tuple[range | tuple[int, ...], array]:
    """Return the instants at which a value is there or has gone away, and what is scraped then."""
    instants, values = list[int](), array("d")
    for at in range(0, END + 1, scrape):
        now = value(at)
        if now is not None:
            instants.append(at)
            values.append(now)
        elif instants and instants[-1] == at - scrape and not math.isnan(values[-1]):
            instants.append(at)
            values.append(STALE)
    always = range(0, END + 1, scrape)
    return always if len(instants) == len(always) else tuple(instants), values


def points(value: Value, scrape: int = SCRAPE) -> Points:
    """Return what is scraped of a value; where it goes away, the mark that says so."""
    return list(zip(*_scraped(value, scrape), strict=True))
