"""Metrics of the prober: what a user would see, asked from outside."""

from sse_observe.metrics.model import Metric

_LABELS = {"target": (), "module": ()}
PHASES = ("dns", "connect", "tls", "headers", "first_byte", "first_content")
RESULTS = ("success", "failure", "skipped")

METRICS = (
    Metric(
        "sse_probe_success",
        "gauge",
        _LABELS,
        "1 if everything held that the module demands, 0 if not; absent where nothing was asked.",
        at_zero=False,
    ),
    Metric(
        "sse_probe_failure",
        "gauge",
        {**_LABELS, "reason": ()},
        "1 for the one reason why the last probe failed.",
        at_zero=False,
    ),
    Metric(
        "sse_probe_duration_seconds",
        "gauge",
        _LABELS,
        "How long the last probe took.",
        at_zero=False,
    ),
    Metric(
        "sse_probe_phase_seconds",
        "gauge",
        {**_LABELS, "phase": PHASES},
        "How long each phase of the last probe took; what was not reached is absent.",
        at_zero=False,
    ),
    Metric(
        "sse_probe_events",
        "gauge",
        _LABELS,
        "Events that came in the last probe.",
        at_zero=False,
    ),
    Metric(
        "sse_probe_gap_seconds",
        "gauge",
        _LABELS,
        "The longest silence in the last probe, heartbeats counted as sound.",
        at_zero=False,
    ),
    Metric(
        "sse_probe_held_back_seconds",
        "gauge",
        _LABELS,
        "For how long something on the way held events back in the last probe: buffering.",
        at_zero=False,
    ),
    Metric(
        "sse_probe_resume_success",
        "gauge",
        _LABELS,
        "1 if a reader that came back got exactly what it missed, 0 if not.",
        at_zero=False,
    ),
    Metric(
        "sse_probe_check",
        "gauge",
        {**_LABELS, "check": ()},
        "1 if a check of the doctor passed or warned, 0 if it failed.",
        at_zero=False,
    ),
    Metric(
        "sse_probe_certificate_expiry_timestamp_seconds",
        "gauge",
        _LABELS,
        "When the certificate that was shown expires; Unix time.",
        at_zero=False,
    ),
    Metric(
        "sse_probe_last_run_timestamp_seconds",
        "gauge",
        _LABELS,
        "When the last probe began; Unix time.",
        at_zero=False,
    ),
    Metric(
        "sse_probe_runs_total",
        "counter",
        {**_LABELS, "result": RESULTS},
        "Probes by their result; skipped where the budget was spent or a probe was under way.",
    ),
    Metric(
        "sse_probe_budget_used",
        "gauge",
        {"module": (), "unit": ("requests", "tokens")},
        "What a module has asked since midnight (UTC).",
        at_zero=False,
    ),
    Metric(
        "sse_probe_budget_limit",
        "gauge",
        {"module": (), "unit": ("requests", "tokens")},
        "What a module may ask in a day.",
        at_zero=False,
    ),
    Metric(
        "sse_probe_running",
        "gauge",
        {},
        "Probes that are under way.",
        at_zero=False,
    ),
    Metric(
        "sse_probe_config_success",
        "gauge",
        {},
        "1 if the last reading of the configuration succeeded, 0 if the one before is in use.",
        at_zero=False,
    ),
)
