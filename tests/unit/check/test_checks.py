"""The list of checks: found by their files, each complete, each with a remedy that exists."""

import pytest

from sse_observe.catalog.load import load
from sse_observe.check.checks import every
from sse_observe.check.checks.burst import paced
from sse_observe.check.checks.hold import cut_cause
from sse_observe.check.checks.resume import compared
from sse_observe.check.local import setup
from sse_observe.check.model import Check, worst
from sse_observe.check.truth import judge as truth
from tests.support.check_recordings import Step, event, evidence, flow, recording

CHECKS = {check.id: check for check in every()}


def test_there_are_twenty_three_in_order() -> None:
    """D1 to D23, none twice."""
    assert list(CHECKS) == [f"D{number}" for number in range(1, 24)]
    assert len({check.name for check in every()}) == 23


@pytest.mark.parametrize(
    "check", [*every(), *setup.CHECKS, *truth.CHECKS], ids=lambda check: check.id
)
def test_its_remedy_is_a_section_of_a_runbook_and_fixes_that_exist(check: Check) -> None:
    """Whoever follows the line finds the page, the heading and the configuration."""
    catalog = load()
    [page] = [alert for alert in catalog.alerts if alert.name == check.remedy.runbook]

    assert f"## {check.remedy.section}\n" in page.prose
    assert {*check.remedy.fixes} <= catalog.fixes.keys()
    assert check.question.endswith("?")


def test_the_worst_result_decides() -> None:
    """One failure among passes is a failure; nothing asked is nothing judged."""
    assert worst(["pass", "fail", "warn"]) == "fail"
    assert worst([]) == "not_asked"


def test_bursts_cut_by_size_are_certain_and_others_likely() -> None:
    """An application may write in bursts; it does not cut them within an event."""
    whole = [(n * 0.5, "".join(map(event, range(5 * n, 5 * n + 5)))) for n in range(1, 4)]
    likely = paced(recording(*whole, end="left"))

    assert (likely.result, likely.sure) == ("warn", False)


@pytest.mark.parametrize(
    ("steps", "ended_at", "cause"),
    [
        (flow(3, gap=0.1), 5.0, "idle_cut"),
        ([(0.1, event(1)), (3.0, event(2)), (3.1, event(3))], 3.2, "age_cut"),
        (flow(20, gap=0.1), 2.1, "cut"),
    ],
)
def test_which_clock_cut(steps: list[Step], ended_at: float, cause: str) -> None:
    """A limit on silence cuts after the longest one; after a longer one was lived through, age."""
    assert cut_cause(recording(*steps, end="cut", ended_at=ended_at)) == cause


def test_two_cuts_tell_age_from_silence() -> None:
    """At one age whatever flows it is absolute; after one silence at any age it is idle."""
    first = recording(*flow(10, gap=0.3), end="cut", ended_at=10.0)
    same_age = recording(*flow(25, gap=0.3), end="cut", ended_at=10.2)
    same_silence = recording(*flow(20, gap=0.3), end="cut", ended_at=20 * 0.3 + 7.0)

    assert cut_cause(first, same_age) == "age_cut"
    assert cut_cause(first, same_silence) == "idle_cut"


@pytest.mark.parametrize(
    ("got", "result"),
    [([5, 6, 7], "pass"), ([0, 1, 2], "fail"), ([6, 7], "fail"), ([4, 5], "fail"), ([], "fail")],
)
def test_a_resume_continues_right_after_the_cursor(got: list[int], result: str) -> None:
    """Nothing twice, nothing missing, not from the start."""
    main = recording(*flow(10))
    resumed = recording(*((0.1 * n, event(seq)) for n, seq in enumerate(got, 1)))

    assert compared(main, resumed, "4").result == result


def test_a_stream_of_another_protocol_is_not_asked_for_ids() -> None:
    """A protocol that has none by design lacks none."""
    chunk = 'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
    found = CHECKS["D11"].judge(evidence(recording((0.1, chunk), (0.2, chunk))))

    assert found.result == "not_asked"
