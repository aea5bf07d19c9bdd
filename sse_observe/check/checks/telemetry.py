"""D23: the service exports its streams, quickly and with bounded labels."""

from collections import Counter, defaultdict

from sse_observe.check.model import Check, Evidence, Finding, Remedy, Scrape, not_asked, passed

MOST_SECONDS = 1.0
MOST_VALUES = 200
"""A label with more values comes from users, not from code."""
_NEEDED = ("sse_build_info", "sse_concurrent_streams", "sse_streams_opened_total")
# Bounds and versions are the library's own.
_OWN = {"le", "quantile", "version"}


def _judge(evidence: Evidence) -> Finding:
    if evidence.options.metrics is None:
        return not_asked("--metrics URL says where the service exports its metrics")
    scrape = evidence.scrapes.get("metrics")
    if scrape is None or scrape.error:
        return Finding("fail", scrape.error if scrape else "the metrics were not read")
    missing = [name for name in _NEEDED if scrape.total(name) is None]
    if missing:
        return Finding("fail", f"{missing[0]} is missing: the middleware is not there")
    unbounded = _unbounded(scrape)
    if unbounded:
        return Finding("fail", f"{unbounded[0]} has {unbounded[1]} values: it is not bounded")
    words = f"{len(scrape.samples):,} samples in {1000 * scrape.seconds:.0f} ms"
    return passed(words) if scrape.seconds <= MOST_SECONDS else Finding("warn", words)


def _unbounded(scrape: Scrape) -> tuple[str, int] | None:
    """Return the label with the most values, if they are too many."""
    values: dict[str, set[str]] = defaultdict(set)
    for name, labels, _ in scrape.samples:
        for label, value in labels.items():
            if label not in _OWN and name.startswith("sse_"):
                values[f"{name}{{{label}}}"].add(value)
    most = Counter({where: len(found) for where, found in values.items()}).most_common(1)
    return most[0] if most and most[0][1] > MOST_VALUES else None


CHECK = Check(
    id="D23",
    name="telemetry",
    question="Does the service export what happens to its streams?",
    passes="Our series are there, no label has over 200 values, a scrape takes ≤ 1 s (--metrics).",
    remedy=Remedy(
        words="Add SSEObserveMiddleware and metrics_app(); label by route templates, never by ids.",
        runbook="SSETelemetryAbsent",
    ),
    judge=_judge,
    visits=("main", "metrics"),
    flag="metrics",
)
