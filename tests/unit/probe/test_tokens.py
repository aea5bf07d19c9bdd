"""Tokens of an answer, as each protocol counts them."""

import pytest

from sse_observe.check.reading.event_log import EventLog
from sse_observe.probe.tokens import tokens


@pytest.mark.parametrize(
    ("events", "count"),
    [
        (['{"choices": [], "usage": {"prompt_tokens": 9, "total_tokens": 21}}'], 21),
        (['{"usage": {"input_tokens": 9, "output_tokens": 1}}', '{"output_tokens": 30}'], 39),
        (['{"usageMetadata": {"totalTokenCount": 5}}', '{"totalTokenCount": 50}'], 50),
        (["a", "b", "c"], 3),
        (['{"total_tokens": 99999999999999999999}'], 999_999_999),
    ],
)
def test_tokens_are_those_that_the_answer_names(events: list[str], count: int) -> None:
    """A count grows with the answer, so the last one holds; without any each piece is one."""
    log = EventLog()
    for data in events:
        log.feed(0.0, f"data: {data}\n\n".encode())

    assert tokens(log) == count
