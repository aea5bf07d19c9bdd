"""A drill in the terminal: every line says one thing."""

from dataclasses import replace

from sse_observe.lab.drill.faults import FAULTS
from sse_observe.lab.drill.results import Results
from sse_observe.lab.drill.timeline import TimelineEvent
from sse_observe.lab.drill.verdict import Claim, Verdict
from sse_observe.lab.drill.view import line, listing, opening, summary

STALLED = "SSEStreamsStalled"
GOOD = Verdict("freeze", (STALLED,), {STALLED: 11.0}, 30, (), (), (), (), {STALLED: "http://h"}, 1)


def lines(*verdicts: Verdict, **more: object) -> str:
    return "\n".join(summary(replace(Results(verdicts, (), 60, 60, ()), **more)))  # type: ignore[arg-type]


def test_the_table_is_listed_whole() -> None:
    """Each fault has its two lines."""
    listed = list(listing())

    assert len(listed) == 2 * len(FAULTS)
    for fault, (first, second) in zip(
        FAULTS, zip(listed[::2], listed[1::2], strict=True), strict=True
    ):
        assert fault.name in first
        assert fault.text in first
        assert ", ".join(fault.alerts) in second


def test_the_opening_says_how_fast_time_goes() -> None:
    """Whoever waits knows for what, and how long."""
    assert "1 of " in opening(1, 60, 8)
    assert "One minute of the rules takes 1 s. First everything is healthy, for 8 s." in opening(
        1, 60, 8
    )


def test_an_event_is_one_line_with_its_time() -> None:
    """Time, fault, alert, what happened, and the detail."""
    event = TimelineEvent(65, "freeze", STALLED, "notified", "http://h")

    assert line(event).split() == ["1:05", "freeze", STALLED, "notified", "http://h"]


def test_a_good_verdict_says_how_soon_and_that_it_resolved() -> None:
    """The proof stands in numbers, beside what was allowed."""
    text = lines(GOOD)

    assert f"   ok  freeze               {STALLED} fired after 11 s (allowed: 30 s)" in text
    assert "resolved 1 s after the repair" in text
    assert "recall 100%, precision 100%, 60 s at 60 times the speed of time" in text


def test_a_claim_says_whether_it_was_kept() -> None:
    """The numbers are shown in any case."""
    text = lines(replace(GOOD, claims=(Claim("a is so", holds=True), Claim("b is", holds=False))))

    assert "a is so" in text
    assert "not kept: b is" in text
    assert "NOT" in text


def test_each_way_to_fail_has_its_own_words() -> None:
    """Missing, late, unexpected, not resolved: the reader knows which it was."""
    text = lines(
        replace(GOOD, fired={}, missing=(STALLED,)),
        replace(GOOD, late=(STALLED,)),
        replace(GOOD, unexpected=("SSEMessageLoss",)),
        replace(GOOD, unresolved=(STALLED,)),
    )

    assert text.count("  NOT  freeze") == 4
    assert f"missing: {STALLED}" in text
    assert "fired after 11 s, too late (allowed: 30 s)" in text
    assert "unexpected: SSEMessageLoss" in text
    assert f"not resolved: {STALLED}" in text
    assert "recall 75%, precision 67%" in text


def test_a_healthy_run_says_that_nothing_fired() -> None:
    """Silence is what it proves."""
    healthy = replace(GOOD, fault="healthy", expected=(), fired={}, within=60, runbooks={})

    assert "nothing fired in 60 s" in lines(healthy)


def test_what_belongs_to_no_fault_is_named() -> None:
    """A stray alert fails the drill, so it has a line."""
    assert "NOT  fired, but from no fault: SSETelemetryAbsent" in lines(
        GOOD, strays=("SSETelemetryAbsent",)
    )


def test_what_cannot_be_caused_here_is_named_with_its_reason() -> None:
    """A skipped fault is not passed over in silence."""
    text = lines(GOOD, skipped={"packet-loss": "no network namespace"})

    assert "packet-loss" in text
    assert "skipped: no network namespace" in text


def test_a_machine_that_was_too_busy_is_blamed_only_for_a_failure() -> None:
    """Scrapes that failed explain a wrong verdict; a right one needs no excuse."""
    bad = replace(GOOD, fired={}, missing=(STALLED,))

    assert "25% of the scrapes failed: this machine was too busy" in lines(bad, missed=0.25)
    assert "scrapes failed" not in lines(GOOD, missed=0.25)
