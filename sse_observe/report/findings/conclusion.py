"""The conclusion of a report in a few sentences: what fired, where, how bad, since when."""

from collections.abc import Iterator

from sse_observe.report.findings import slo
from sse_observe.report.findings.episodes import STATES, severity_rank
from sse_observe.report.findings.impact import Impact
from sse_observe.report.findings.incident import Incident
from sse_observe.report.findings.limit_distance import PLACE_LABELS
from sse_observe.report.units import format_duration, format_time, format_value

LABEL_NAMES = {"route": "route", "network_type": "network", "user_segment": "user segment"}
"""Labels as a reader calls them."""

CAUSE_WORDS = {
    "upstream": "through an upstream",
    "application": "through the application",
    "deploy": "through a deploy",
    "network": "through the readers' networks",
    "user": "as their users stopped them",
    "unknown": "for a reason that nothing proves",
}
"""Causes as a reader calls them, after "failed"."""

INCOMPLETE = "a query was not answered in full"


def severity(incident: Incident) -> str:
    """Return the worst severity that fired; empty where none did."""
    return min((one.severity for one in incident.fired), key=severity_rank, default="")


def sentences(incident: Incident) -> Iterator[str]:
    """Yield the conclusion in plain text, the most important sentence first."""
    yield from _fault(incident)
    yield from _alerts(incident)
    yield from _places(incident)
    yield from _objective(incident)
    yield from _process_start(incident)


def _fault(incident: Incident) -> Iterator[str]:
    found = incident.causes
    if found is None or not found.failed:
        return
    good = f"{format_value(found.share(found.good), 'ratio', 1)} of the streams were good; "
    shares = ", ".join(
        f"{format_value(found.share(number), 'ratio', 1)} {CAUSE_WORDS.get(cause, cause)}"
        for cause, number in found.failed.items()
    )
    yield f"{good}failed: {shares}."


def _alerts(incident: Incident) -> Iterator[str]:
    if incident.fired:
        yield _fired(incident)
    elif incident.is_incomplete(STATES):
        yield f"It is not known whether {incident.alert or 'an alert'} fired: {INCOMPLETE}."
    elif incident.alert:
        yield f"{incident.alert} did not fire in this window."
    else:
        yield "No alert of sse-observe fired in this window."
    # What is beyond its limit is at least pending, where there is such an alert.
    missing = not incident.episodes and not incident.is_incomplete(STATES)
    if missing and incident.worst_minutes:
        worst = incident.worst_minutes[0]
        yield (
            f"But a signal was {worst.times_limit:.1f} times the limit of "
            f"{worst.distance.alert.name}, and no alert was pending. "
            "Are the alert rules loaded? Is their series ALERTS stored here?"
        )


def _fired(incident: Incident) -> str:
    first, day = incident.fired[0], incident.window.spans_days
    start = format_time(first.start, day=day)
    length = format_duration(first.seconds)
    if first.start > incident.window.start:
        when = f"from {start} UTC, for {length}"
    else:
        when = f"since before {start} UTC, for at least {length}"
    end = "still firing at the end" if first.ongoing else f"until {format_time(first.end, day=day)}"
    others = len({one.alert for one in incident.fired} - {first.alert})
    more = f" {others} other alert{'s' if others > 1 else ''} fired too." if others else ""
    return f"{first.alert} ({first.severity}) fired {when}, {end}.{more}"


def _places(incident: Incident) -> Iterator[str]:
    grouping = (label for label in incident.impacts if label not in PLACE_LABELS)
    for label in (*PLACE_LABELS, *grouping):
        found = incident.impacts.get(label, ())
        # The only network or segment that there is says nothing about it.
        if found and found[0].clear and (label == "route" or len(found) > 1):
            name = LABEL_NAMES.get(label, label)
            yield f"Most affected {name}: {found[0].value}. {_compared(found[0])}."


def _compared(impact: Impact) -> str:
    own = f"{impact.measure}: {format_value(impact.own, impact.unit)}"
    if impact.rest is None:
        return own
    return f"{own}, elsewhere {format_value(impact.rest, impact.unit)}"


def _objective(incident: Incident) -> Iterator[str]:
    missed = [one for one in incident.slo if not one.met]
    if missed:
        worst, routes = missed[0], len(incident.slo)
        yield (
            f"Objective missed on {len(missed)} of {routes} route{'s' if routes > 1 else ''}: "
            f"{format_value(worst.completion or 0, 'ratio')} of the streams on "
            f"{worst.route} completed, "
            f"the objective is {format_value(worst.objective, 'ratio')}."
        )
    elif incident.is_incomplete(slo.COUNTS):
        yield f"It is not known whether routes met their completion objective: {INCOMPLETE}."
    elif incident.slo:
        yield "Every route met its completion objective in this window."


def _process_start(incident: Incident) -> Iterator[str]:
    for start in incident.process_starts:
        if start.before is not None:
            yield (
                f"A process of {start.job} started at "
                f"{format_time(start.at, day=incident.window.spans_days)}, "
                f"{format_duration(start.seconds_before)} before {start.before.alert} began."
            )
            return
