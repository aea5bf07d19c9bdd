"""
Signals as Datadog can say them: each has a form beside its PromQL, or the reason why it has none.

Datadog records nothing: a form is arithmetic over counts, gauges and distributions, and the window
is that of who asks. What can be read off the PromQL is; the rest is stated here, never bent.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sse_observe.catalog.model import Signal
from sse_observe.metrics import FAILURES

How = Literal["count", "sum", "max", "avg"]


@dataclass(frozen=True, slots=True)
class Term:
    """One metric: the events of a counter (`count`), or a gauge put together over its series."""

    metric: str
    tags: tuple[str, ...] = ()
    how: How = "count"
    by: tuple[str, ...] = ()
    """More tags that keep its series apart, whatever is asked for."""


@dataclass(frozen=True, slots=True)
class Form:
    """
    A signal as a formula over terms: `a`, `b` and so on stand for them in their order.

    `bound` makes it a share: of the values of a distribution, the one term, that lie beyond it.
    `quantiles` marks a distribution. `differs` says where the form is not what the signal is.
    """

    terms: tuple[Term, ...]
    formula: str = "a"
    bound: float | None = None
    quantiles: bool = False
    differs: str = ""


class Reason(NamedTuple):
    """Why a signal cannot be said in Datadog."""

    text: str


def _count(metric: str, *tags: str) -> Term:
    return Term(metric, tags)


def _gauge(metric: str, how: How = "sum", *by: str) -> Term:
    return Term(metric, (), how, by)


def _ratio(*terms: Term, formula: str = "a / b", differs: str = "") -> Form:
    return Form(terms, formula, differs=differs)


def _beyond(metric: str, bound: float, differs: str = "") -> Form:
    return Form((Term(metric),), bound=bound, differs=differs)


_STARTED = Reason(
    "it counts started streams over a window and the open ones at both of its ends, which no "
    "formula of Datadog can do"
)
_CONTINUOUS = Reason("Datadog has no `unless`: continuous routes cannot be taken out")
_BESIDE = Reason("a formula cannot join series of different tags")
_COUNT_BEYOND = Reason("Datadog keeps quantiles of a distribution, not the events beyond a bound")
_YESTERDAY = Reason("Datadog compares a share with no other day's within one formula")
_PROBER = Reason("the Agent is told of services; a prober's metrics are read by Prometheus alone")
_BUDGET = Reason("Datadog keeps the budget itself, in the SLO object")

_COMPLETED = _count("sse_streams_closed", "reason:completed")
# In one term: where a reason never came there is no series, and the whole formula would be empty.
_JUDGED = _count("sse_streams_closed", f"reason IN ({','.join(('completed', *FAILURES))})")
_SERVERS_VIEW = (
    "It counts streams that the service itself broke, or that say so. Streams that end without a "
    "word (killed processes, clients that never come back) are seen in Prometheus alone."
)
_UPSTREAM_FAILED = _count("sse_upstream_streams_closed", "!reason:completed", "!reason:abandoned")
_UPSTREAM_JUDGED = _count("sse_upstream_streams_closed", "!reason:abandoned")
_COMPLETION = _ratio(_COMPLETED, _JUDGED, differs=_SERVERS_VIEW)

STATED: Mapping[str, Form | Reason] = {
    r"route:sse_probe_\w+:\w+": _PROBER,
    r"route:sse_continuous:info": _CONTINUOUS,
    r"route(_split)?:sse_streams_(started|completed|broken|stopped|cancelled|confirmed):\w+": (
        _CONTINUOUS
    ),
    r"route_split:sse_streams_open:sum": Reason(
        "open streams by network are the difference of two counters since a process began"
    ),
    r"route:sse_streams_open:sum": Form((_gauge("sse_concurrent_streams"),)),
    r"route(_split)?:sse_streams_(lost|failed|ended|failed_certain):\w+": _STARTED,
    r"route:sse_stream_failures:ratio_rate\w+": _ratio(
        _COMPLETED, _JUDGED, formula="(b - a) / b", differs=_SERVERS_VIEW
    ),
    r"route:sse_streams_(vanished|bad|bad_certain|left_late):\w+": _STARTED,
    r"route:sse_streams_judged:increase\w+": _STARTED,
    r"route:sse_streams_(good|spoilt):rate5m": Reason(
        "a sum of judgements by PromQL; Datadog shows sse_streams_judged by its tag itself"
    ),
    r"route:sse_goodput_limit_seconds:max": Form((_gauge("sse_goodput_limit_seconds", "max"),)),
    r"route:sse_goodput_failures:ratio_rate\w+": Reason(
        "Datadog cannot tell which routes declare a limit of goodput"
    ),
    r"route:sse_goodput:ratio_rate\w+": _ratio(
        _count("sse_streams_judged", "verdict:good"),
        _count("sse_streams_judged"),
        differs=_SERVERS_VIEW,
    ),
    r"sse_stream_completion_rate": _STARTED,
    r"route:sse_stream_completion:ratio_rate\w+": _COMPLETION,
    r"route:sse_stream_completion_best:ratio_rate1h": _STARTED,
    r"route:sse_client_coverage:ratio_rate6h": _ratio(
        _count("sse_client_streams", "outcome:completed"), _COMPLETED
    ),
    r"route:sse_completion_objective:ratio": _BUDGET,
    r"route:sse_error_budget:\w+": _BUDGET,
    r"route:sse_streams_resumed:rate\w+": _ratio(
        _count("sse_streams_opened", "start:resumed"),
        _count("sse_streams_closed", "reason:polled"),
        formula="a - b",
    ),
    r"route:sse_reconnect_storm:rate\w+": Reason(
        "a monitor cannot divide a rate by a gauge over one window"
    ),
    r"route:sse_stream_saturation:ratio": _ratio(
        _gauge("sse_concurrent_streams", "max", "host"), _gauge("sse_stream_limit", "max", "host")
    ),
    r"route:sse_heartbeats_expected:rate": _ratio(
        _gauge("sse_concurrent_streams"), _gauge("sse_heartbeat_interval_seconds", "avg")
    ),
    r"route:sse_message_loss:increase15m": Form((_count("sse_message_loss"),)),
    r"route:sse_telemetry_(instances:count|present:bool)": Form((_gauge("sse_build_info"),)),
    r"route:sse_first_event_slow:ratio_rate10m": _beyond(
        "sse_time_to_first_event_seconds",
        5,
        "It does not know the day before: a model that always thinks long alerts too.",
    ),
    r"route:sse_first_event_slow(er|_before):\w+": _YESTERDAY,
    r"route:sse_event_loop_lag_seconds:mean5m": _ratio(
        Term("sse_event_loop_lag_seconds.sum", by=("host",)),
        Term("sse_event_loop_lag_seconds.count", by=("host",)),
    ),
    r"route:sse_error_events:ratio_rate10m": _ratio(
        _count("sse_streams_closed", "reason:error_event"), _JUDGED
    ),
    r"route:sse_streams_empty:ratio_rate10m": _ratio(_count("sse_streams_empty"), _COMPLETED),
    r"route:sse_event_late:ratio_rate10m": _beyond("sse_event_delay_seconds", 1),
    r"route:sse_event_oversized:ratio_rate1h": _beyond("sse_event_size_bytes", 1024),
    r"route:sse_reconnects_slow:ratio_rate10m": _beyond("sse_reconnect_time_seconds", 5),
    r"route:sse_(first_event_slow|event_late|event_oversized|reconnects_slow):increase\w+": (
        _COUNT_BEYOND
    ),
    r"route:sse_reconnects:increase10m": Form((_count("sse_reconnect_time_seconds.count"),)),
    r"route:sse_stream_duration_seconds:mean6h": _ratio(
        _count("sse_stream_duration_seconds.sum"), _count("sse_stream_duration_seconds.count")
    ),
    r"route:sse_reconnect_time_seconds:mean5m": _ratio(
        _count("sse_reconnect_time_seconds.sum"), _count("sse_reconnect_time_seconds.count")
    ),
    r"route:sse_streams_unexplained:min2h": _STARTED,
    r"route:sse_streams_leaked:max": Form(
        (_gauge("sse_orphaned_streams"), _gauge("sse_unconfirmed_streams")),
        "a + b",
        differs="It sees streams whose client is known to be gone or has stopped reporting, not "
        "those that arrivals do not explain.",
    ),
    r"route:sse_cuts:share1h": _BESIDE,
    r"route:sse_cuts_all:increase1h": Form((_count("sse_cuts"),)),
    r"route:sse_open_rejected:ratio_rate5m": _ratio(
        _count("sse_open_rejected"), _count("sse_streams_opened"), formula="a / (a + b)"
    ),
    r"route:sse_streams_silent:ratio5m": _ratio(
        _gauge("sse_silent_streams"), _gauge("sse_concurrent_streams")
    ),
    r"route:sse_streams_stalled:ratio5m": _ratio(
        _gauge("sse_stalled_streams"), _gauge("sse_concurrent_streams")
    ),
    r"route:sse_stream_seconds_stalled:ratio_rate5m": _ratio(
        _count("sse_stream_seconds", "state:stalled"), _count("sse_stream_seconds")
    ),
    r"route:sse_unread:ratio_rate10m": _ratio(
        _count("sse_unread_seconds"), _count("sse_stream_seconds"), formula="a / (a + b)"
    ),
    r"route:sse_send_blocked:ratio_rate5m": Reason(
        "a monitor cannot divide a rate by a gauge over one window"
    ),
    r"route:sse_resume_gaps:ratio_rate15m": _ratio(
        _count("sse_resumes", "!outcome:full"), _count("sse_resumes")
    ),
    r"route:sse_duplicates:ratio_rate15m": _ratio(
        _count("sse_duplicate_events", "seen_by:client"), _count("sse_client_events_received")
    ),
    r"route_split:sse_packet_loss:ratio_rate10m": _ratio(
        _count("sse_tcp_retransmitted_segments"), _count("sse_tcp_sent_segments")
    ),
    r"route:sse_store_calls:rate5m": Form((_count("sse_store_operation_seconds.count"),)),
    r"route:sse_store_failed:ratio_rate5m": _ratio(
        _count("sse_store_errors"), _count("sse_store_operation_seconds.count")
    ),
    r"route:sse_store_slow:ratio_rate10m": _beyond("sse_store_operation_seconds", 0.1),
    r"route:sse_store_slow:increase10m": _COUNT_BEYOND,
    r"route:sse_store_late:increase10m": _COUNT_BEYOND,
    r"route:sse_upstream_failed:ratio_rate10m": _ratio(_UPSTREAM_FAILED, _UPSTREAM_JUDGED),
    r"route:sse_upstream_failed:increase10m": Form((_UPSTREAM_FAILED,)),
    r"route:sse_upstream_slow:ratio_rate10m": _beyond(
        "sse_upstream_first_content_seconds",
        5,
        "It does not know the day before: a model that always thinks long alerts too.",
    ),
    r"route:sse_upstream_slow:increase10m": _COUNT_BEYOND,
    r"route:sse_upstream_slow(er|_before):\w+": _YESTERDAY,
    r"route:sse_client_reports_refused:ratio_rate15m": _ratio(
        _count("sse_client_reports", "!result:accepted", "!result:replayed"),
        _count("sse_client_reports"),
    ),
}
"""Forms and reasons that the PromQL does not show, by a pattern of records."""

_BY = r"sum by \(<< by >>\) "
_METRIC = r"(?P<metric>[a-z_:]\w*?(?::\w+)*)"
_SELECTOR = r"(?:\{(?P<selector>[^{}]*)\})?"
_COUNTER = re.compile(
    rf"{_BY}\((?:rate|increase)\((?P<metric>sse_\w+)_total{_SELECTOR}\[<< \w+\('\w+'\) >>\]\)\)"
)
_SUM = re.compile(rf"{_BY}\(rate\((?P<metric>sse_\w+)_sum\[<< \w+\('\w+'\) >>\]\)\)")
_BUCKETS = re.compile(rf"{_BY}\(rate\((?P<metric>sse_\w+)_bucket\[<< \w+\('\w+'\) >>\]\)\)")
_LEVEL = re.compile(
    rf"{_BY}\((?:(?P<over>avg|min|max)_over_time\()?(?P<metric>sse_\w+)"
    r"(?:\[<< \w+\('\w+'\) >>\]\))?\)"
)
_OF_ANOTHER = re.compile(
    rf"(?:{_BY}\()?(?:sum_over_time\()?(?P<record>route\w*:\w+:\w+){_SELECTOR}"
    r"(?:\[<< \w+\('\w+'\) >>\]\))?\)?(?: \* << interval >>)?"
)
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')


def forms(signals: Iterable[Signal]) -> dict[str, Form | Reason]:
    """Return what Datadog can say of each signal; one without form and reason is left out."""
    found: dict[str, Form | Reason] = {}
    for signal in signals:
        form = _stated(signal.record) or _read_off(" ".join(signal.expr.split()), found)
        if form is not None:
            found[signal.record] = form
    return found


def problems(signals: Iterable[Signal]) -> Iterator[str]:
    """Yield each signal without form and reason, and each pattern that meets no signal."""
    signals = tuple(signals)
    known = forms(signals)
    for signal in signals:
        if signal.record not in known:
            yield (
                f"signal {signal.record}: Datadog's form of it cannot be read off its expression; "
                "state it, or the reason why there is none, in catalog/datadog.py"
            )
    for pattern in STATED:
        if not any(re.fullmatch(pattern, signal.record) for signal in signals):
            yield f"catalog/datadog.py: {pattern}: no signal is called so; remove it"


def _stated(record: str) -> Form | Reason | None:
    return next((form for pattern, form in STATED.items() if re.fullmatch(pattern, record)), None)


def _read_off(expr: str, earlier: Mapping[str, Form | Reason]) -> Form | Reason | None:
    """Return the form of an expression that adds up one metric, or another signal."""
    if found := _COUNTER.fullmatch(expr):
        tags = _tags(found["selector"])
        return None if tags is None else Form((Term(found["metric"], tags),))
    if found := _SUM.fullmatch(expr):
        return Form((Term(f"{found['metric']}.sum"),))
    if found := _BUCKETS.fullmatch(expr):
        return Form((Term(found["metric"]),), quantiles=True)
    if found := _LEVEL.fullmatch(expr):
        return Form((Term(found["metric"], how="sum"),))
    if found := _OF_ANOTHER.fullmatch(expr):
        return narrowed(earlier.get(found["record"]), found["selector"])
    return None


def narrowed(form: Form | Reason | None, selector: str | None) -> Form | Reason | None:
    """Return a form of one term under a selector of PromQL; None where tags cannot say it."""
    tags = _tags(selector)
    if tags is None or not isinstance(form, Form):
        return form if isinstance(form, Reason) else None
    if not tags:
        return form
    if len(form.terms) > 1:
        return None
    (term,) = form.terms
    more = Term(term.metric, (*term.tags, *tags), term.how, term.by)
    return Form((more,), form.formula, form.bound, form.quantiles, form.differs)


def _tags(selector: str | None) -> tuple[str, ...] | None:
    """Return a selector as tags that must all hold; None where one may hold or another."""
    found: list[str] = []
    for label, operator, value in _MATCHER.findall(selector or ""):
        values = value.split("|")
        if operator == "=~" and len(values) > 1:
            return None
        found += [f"{'!' if operator.startswith('!') else ''}{label}:{one}" for one in values]
    return tuple(found)
