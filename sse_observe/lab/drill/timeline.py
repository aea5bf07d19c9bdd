"""What a drill looks like in a terminal: one line for each happening, one for each verdict."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sse_observe.lab.demo.view import clock
from sse_observe.lab.drill.faults import FAULTS
from sse_observe.lab.drill.scenario_run import Happening, Verdict

if TYPE_CHECKING:
    from sse_observe.lab.drill.drill import Drill
    from sse_observe.lab.drill.results import Report

# Every rule bears one lost scrape in fifty; where more fail, what is seen says little.
_MOST_MISSED = 0.02
_WIDTH = max(len(fault.name) for fault in FAULTS)


def listing() -> Iterator[str]:
    """Yield a line for each fault: its name, what it does, what must fire."""
    for fault in FAULTS:
        yield f"{fault.name:<{_WIDTH}}  {fault.text}"
        raises = ", ".join(fault.alerts) or "nothing"
        held = f"; the first holds {', '.join(fault.held)} back" if fault.held else ""
        yield f"{'':<{_WIDTH}}  raises {raises}{held}"


def opening(drill: "Drill") -> str:
    """Return the line that stands first: what is about to happen, and how fast."""
    return (
        f"{len(drill.faults)} of {len(FAULTS)} faults; a minute of the rules takes "
        f"{60 / drill.stack.scale:g} s; healthy first, for {drill.healthy_seconds:g} s"
    )


def line(happening: Happening) -> str:
    """Return one line of the timeline."""
    said = " ".join(part for part in (happening.alert, happening.what, happening.detail) if part)
    return f"{clock(happening.seconds):>5}  {happening.fault:<{_WIDTH}}  {said}"


def verdicts(report: "Report") -> Iterator[str]:
    """Yield a line for each fault, one for what fired outside of all, and one for the whole."""
    for verdict in report.verdicts:
        mark = "ok" if verdict.as_expected else "NOT"
        name = verdict.fault
        for finding in _findings(verdict):
            yield f"{mark:>5}  {name:<{_WIDTH}}  {finding}"
            mark = name = ""
    for name, reason in report.skipped.items():
        yield f"{'--':>5}  {name:<{_WIDTH}}  skipped: {reason}"
    if report.strays:
        yield f"{'NOT':>5}  no fault raised {', '.join(report.strays)}"
    if report.missed > _MOST_MISSED and not report.as_expected:
        yield (
            f"{'':>5}  {report.missed:.0%} of the scrapes failed: this machine was too busy to be "
            "watched; let it rest, or drill one fault"
        )
    yield (
        f"recall {report.recall:.0%}, precision {report.precision:.0%}, "
        f"{report.seconds:.0f} s at {report.scale:g} times the speed of time"
    )


def _findings(verdict: Verdict) -> Iterator[str]:
    for name, after in verdict.fired.items():
        allowed = f"{after:g} s" if name not in verdict.late else f"{after:g} s, too late"
        if name not in verdict.unexpected:
            yield f"{name} fired after {allowed} (at most {verdict.within:g})"
    for what, names in (
        ("missing", verdict.missing),
        ("unexpected", verdict.unexpected),
        ("not resolved", verdict.unresolved),
    ):
        if names:
            yield f"{what}: {', '.join(names)}"
    if not verdict.expected and verdict.as_expected:
        yield f"nothing fired in {verdict.within:g} s"
    if verdict.recovered is not None and verdict.fired:
        yield f"resolved {verdict.recovered:g} s after it was mended"


def document(report: "Report") -> dict[str, Any]:
    """Return everything, ready for JSON."""
    return {
        "as_expected": report.as_expected,
        "recall": report.recall,
        "precision": report.precision,
        "seconds": report.seconds,
        "time_scale": report.scale,
        "strays": list(report.strays),
        "skipped": dict(report.skipped),
        "missed_scrapes": report.missed,
        "faults": [
            {**asdict(verdict), "as_expected": verdict.as_expected} for verdict in report.verdicts
        ],
        "timeline": [asdict(happening) for happening in report.timeline],
    }
