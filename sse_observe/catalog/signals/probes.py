"""Signals of probers, by target: the only ones that move when nobody arrives."""

from sse_observe.catalog.model import Signal

TARGET = ("job", "target", "module")

PROBES = (
    Signal(
        record="route:sse_probe_runs:increase15m",
        # Where Prometheus sets the pace, each sample is a probe, and nobody counts them.
        expr="""
sum by (<< by >>) (increase(sse_probe_runs_total{result=~"success|failure"}[<< w('15m') >>]))
or sum by (<< by >>) (count_over_time(sse_probe_success[<< w('15m') >>]))""",
        unit="count",
        help="Probes of a target within 15m.",
        labels=TARGET,
    ),
    Signal(
        record="route:sse_probe_failures:increase15m",
        expr="""
sum by (<< by >>) (increase(sse_probe_runs_total{result="failure"}[<< w('15m') >>]))
or sum by (<< by >>) (
  count_over_time(sse_probe_success[<< w('15m') >>])
  - sum_over_time(sse_probe_success[<< w('15m') >>])
)""",
        unit="count",
        help="Probes of a target that failed within 15m.",
        labels=TARGET,
    ),
    Signal(
        record="route:sse_probe_success:ratio_rate15m",
        expr="1 - route:sse_probe_failures:increase15m / (route:sse_probe_runs:increase15m > 0)",
        unit="ratio",
        help="Share of the probes of a target that succeeded within 15m.",
        labels=TARGET,
    ),
    Signal(
        record="route:sse_probe_failing:max15m",
        # By reason, for whoever asks why; a reason that is over leaves with its window.
        expr="max by (<< by >>) (max_over_time(sse_probe_failure[<< w('15m') >>]))",
        unit="flag",
        help="1 for each reason why a probe of a target failed within 15m.",
        labels=(*TARGET, "reason"),
        interval="slow",
    ),
    Signal(
        record="route:sse_probe_phase_seconds:avg10m",
        expr="avg by (<< by >>) (avg_over_time(sse_probe_phase_seconds[<< w('10m') >>]))",
        unit="seconds",
        help="How long each phase of a probe takes, over 10m.",
        labels=(*TARGET, "phase"),
    ),
    Signal(
        record="route:sse_probe_wait_seconds:avg10m",
        expr="sum by (<< by >>) (route:sse_probe_phase_seconds:avg10m)",
        unit="seconds",
        help="Time from a probe's request to its first content, DNS and TLS included, over 10m.",
        labels=TARGET,
    ),
    Signal(
        record="route:sse_probe_slower:times",
        # Its own past, without what happens now: a model that always thinks long is not ill.
        expr="route:sse_probe_wait_seconds:avg10m / (avg_over_time("
        "route:sse_probe_wait_seconds:avg10m[<< w('1d') >>] offset << w('15m') >>) > 0)",
        unit="times",
        help="How many times as long as on the day before a probe waits for its first content.",
        labels=TARGET,
    ),
    Signal(
        record="route:sse_probe_held_back_seconds:avg10m",
        expr="avg by (<< by >>) (avg_over_time(sse_probe_held_back_seconds[<< w('10m') >>]))",
        unit="seconds",
        help="For how long something on the way to a probe held events back, over 10m.",
        labels=TARGET,
    ),
    Signal(
        record="route:sse_probe_certificate_left_seconds:min",
        expr="min by (<< by >>) (sse_probe_certificate_expiry_timestamp_seconds) - time()",
        unit="seconds",
        help="Time until the certificate expires that a probe was shown.",
        labels=TARGET,
    ),
)
"""The signals of probes, each after those that it reads."""
