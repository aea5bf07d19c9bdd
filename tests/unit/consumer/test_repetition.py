"""A second answer: passed over as far as it is the first one again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.consumer import Event
from sse_observe.consumer.repetition import OtherAnswerError, Repetition


def events(texts: str) -> list[Event]:
    return [Event("message", text, "") for text in texts]


def fresh(repetition: Repetition, texts: str, *, may_go_on: bool = False) -> str:
    """Take one more answer, and return what is new of it."""
    repetition.begin(may_go_on=may_go_on)
    return "".join(event.data for event in events(texts) if not repetition.repeats(event))


@given(st.text("ab", max_size=12), st.lists(st.integers(0, 12), max_size=5))
def test_each_event_is_new_once_wherever_the_answers_break_off(
    answer: str, cuts: list[int]
) -> None:
    """Also where the same word stands twice."""
    repetition = Repetition()
    shown = "".join(fresh(repetition, answer[:end]) for end in [*cuts, len(answer)])

    assert shown == answer


@pytest.mark.parametrize("second", ["axc", "b", "xbc"])
def test_another_answer_is_not_mixed_with_the_first(second: str) -> None:
    """Wherever the first difference stands."""
    repetition = Repetition()
    fresh(repetition, "abc")

    with pytest.raises(OtherAnswerError):
        fresh(repetition, second)


def test_an_answer_after_a_cursor_may_go_on() -> None:
    """It begins with what is new, or from the start; half from the start is another one."""
    repetition = Repetition()

    assert fresh(repetition, "abc") == "abc"
    assert fresh(repetition, "de", may_go_on=True) == "de"
    assert fresh(repetition, "abcdef", may_go_on=True) == "f"
    with pytest.raises(OtherAnswerError):
        fresh(repetition, "abx", may_go_on=True)


def test_an_answer_too_long_to_remember_is_told() -> None:
    """Events that were not remembered would be shown twice."""
    repetition = Repetition(most_events=3)

    assert fresh(repetition, "abcde") == "abcde"
    with pytest.raises(OtherAnswerError, match="too long"):
        fresh(repetition, "abcde")
