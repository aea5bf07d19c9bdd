"""The outcome of a probe: the one reason why it failed, by what its module demands."""

import pytest

from sse_observe.check.asking.failures import AskError
from sse_observe.check.asking.recording import Recording
from sse_observe.check.checks import every
from sse_observe.check.doctor import Examination
from sse_observe.check.model import Checked, Options, Place
from sse_observe.probe.module import Demands, Module
from sse_observe.probe.outcome import REASONS, Outcome, outcome
from tests.support.check_recordings import event, evidence, flow, recording

CHAT = 'data: {"object": "chat.completion.chunk", "choices": [{"delta": {"content": "a"}}]}\n\n'
ERROR = 'data: {"error": {"message": "overloaded"}}\n\n'


def judged(main: Recording, module: Module | None = None) -> Outcome:
    """Return the outcome of a recording."""
    seen = evidence(main, Options())
    checked = tuple(
        Checked(check, check.judge(seen))
        for check in every()
        if check.visits == ("main",) and check.flag is None and main.is_stream
    )
    place = Place(seen, checked)
    found = Examination(main.question, checked, (place,), (), 1.0, 2.0, 1)
    return outcome(found, module or Module())


def must(**demands: object) -> Module:
    return Module(must=Demands(**demands))  # type: ignore[arg-type]


REFUSED = AskError("refused", "nothing listens there")
POST = Module(method="POST")
CASES = {
    "refused": (recording(status=0, failure=REFUSED), Module()),
    "status": (recording(status=503), Module()),
    "no_stream": (recording(headers={}, headers_at=0.1, end="unreadable"), Module()),
    "error_event": (recording((0.1, CHAT), (0.2, ERROR)), Module()),
    "cut": (recording(*flow(3), end="cut"), Module()),
    "not_whole": (recording((0.1, CHAT), end="left"), POST),
    "no_content": (recording((0.1, ": ping\n\n"), end="left"), must(content=1)),
    "late_byte": (recording((2.0, event(1)), end="left"), must(first_byte_seconds=1)),
    "late_content": (
        recording((0.1, ": ping\n\n"), (3.0, event(1)), end="left"),
        must(first_content_seconds=2),
    ),
    "silent": (recording((0.1, event(1)), (5.0, event(2)), end="left"), must(gap_seconds=2)),
    "held_back": (
        recording(
            *((float(at), "".join(map(event, range(at, at + 4)))) for at in range(1, 20, 4)),
            end="left",
        ),
        must(held_back_seconds=0.5),
    ),
    "check": (
        recording((0.1, "\xff: \n\n".encode("latin-1")), end="left"),
        must(checks=("wire-format",)),
    ),
}


@pytest.mark.parametrize("reason", CASES)
def test_a_failure_has_one_reason(reason: str) -> None:
    """Each of them, and the same answer without that demand succeeds where it is only a demand."""
    main, module = CASES[reason]
    found = judged(main, module)

    assert found.reason == reason
    assert reason in REASONS
    assert found.words
    assert not found.success


@pytest.mark.parametrize(
    "reason", ["no_content", "late_byte", "late_content", "silent", "held_back", "check"]
)
def test_what_nobody_demands_fails_nothing(reason: str) -> None:
    """It is measured all the same."""
    assert judged(CASES[reason][0]).success


def test_a_stream_that_flows_succeeds() -> None:
    """Its numbers are there: phases that add up, events, silence, checks."""
    found = judged(recording(*flow(20), end="left", ended_at=2.05))

    assert found.success
    assert sum(found.phases.values()) == pytest.approx(0.05)
    assert (found.events, found.content) == (20, 20)
    assert found.gap_seconds == pytest.approx(0.1, abs=0.02)
    assert found.held_back_seconds == 0
    assert found.checks["burst"] is True


def test_an_answer_is_whole_with_its_terminal_alone() -> None:
    """An orderly end without it is none, in a protocol that has one."""
    without = judged(recording((0.1, CHAT), end="complete"), POST)
    whole = judged(recording((0.1, CHAT), (0.2, "data: [DONE]\n\n"), end="complete"), POST)

    assert without.reason == "not_whole"
    assert whole.success


def test_an_error_before_more_content_is_none() -> None:
    """The last word counts."""
    assert judged(recording((0.1, ERROR), (0.2, CHAT), end="left")).success
