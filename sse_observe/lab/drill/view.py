"""A drill in the terminal: one line for each event, one or more for each verdict."""

from collections.abc import Iterator

from sse_observe.lab.drill.faults import FAULTS
from sse_observe.lab.drill.results import Results
from sse_observe.lab.drill.timeline import TimelineEvent
from sse_observe.lab.drill.verdict import Verdict
from sse_observe.lab.elapsed import clock

# Every rule bears one lost scrape in fifty; where more fail, the results prove little.
_MOST_MISSED = 0.02
_WIDTH = max(len(fault.name) for fault in FAULTS)


def listing() -> Iterator[str]:
    """Yield the lines for each fault: its name, what it does, which alerts must fire."""
    for fault in FAULTS:
        yield f"{fault.name:<{_WIDTH}}  {fault.text}"
        raises = ", ".join(fault.alerts) or "no alert"
        held = f"; the first one holds back {', '.join(fault.held)}" if fault.held else ""
        yield f"{'':<{_WIDTH}}  raises {raises}{held}"


def opening(faults: int, time_scale: float, healthy_seconds: float) -> str:
    """Return the first line: what is about to happen, and how fast."""
    return (
        f"{faults} of {len(FAULTS)} faults. One minute of the rules takes {60 / time_scale:g} s. "
        f"First everything is healthy, for {healthy_seconds:g} s."
    )


def line(event: TimelineEvent) -> str:
    """Return one line of the timeline."""
    words = " ".join(part for part in (event.alert, event.what, event.detail) if part)
    return f"{clock(event.seconds):>5}  {event.fault:<{_WIDTH}}  {words}"


def summary(results: Results) -> Iterator[str]:
    """Yield the lines for each fault, one for what fired outside of all, and one for the whole."""
    for verdict in results.verdicts:
        mark = "ok" if verdict.as_expected else "NOT"
        name = verdict.fault
        for finding in _findings(verdict):
            yield f"{mark:>5}  {name:<{_WIDTH}}  {finding}"
            mark = name = ""
    for name, reason in results.skipped.items():
        yield f"{'--':>5}  {name:<{_WIDTH}}  skipped: {reason}"
    if results.strays:
        yield f"{'NOT':>5}  fired, but from no fault: {', '.join(results.strays)}"
    if results.missed > _MOST_MISSED and not results.as_expected:
        yield (
            f"{'':>5}  {results.missed:.0%} of the scrapes failed: this machine was too busy; "
            "wait until it is less busy, or drill one fault"
        )
    yield (
        f"recall {results.recall:.0%}, precision {results.precision:.0%}, "
        f"{results.seconds:.0f} s at {results.scale:g} times the speed of time"
    )


def _findings(verdict: Verdict) -> Iterator[str]:
    for name, after in verdict.fired.items():
        if name not in verdict.unexpected:
            late = ", too late" if name in verdict.late else ""
            yield f"{name} fired after {after:g} s{late} (allowed: {verdict.within:g} s)"
    for what, names in (
        ("missing", verdict.missing),
        ("unexpected", verdict.unexpected),
        ("not resolved", verdict.unresolved),
    ):
        if names:
            yield f"{what}: {', '.join(names)}"
    for claim in verdict.claims:
        yield claim.text if claim.holds else f"not kept: {claim.text}"
    if not verdict.expected and verdict.as_expected:
        yield f"nothing fired in {verdict.within:g} s"
    if verdict.recovered is not None and verdict.fired:
        yield f"resolved {verdict.recovered:g} s after the repair"
