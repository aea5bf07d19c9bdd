"""Answers of a Prometheus API: foreign input, and what they leave out."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sse_observe.report.query.answer import MOST_SERIES, AnswerError, read_answer


@pytest.mark.parametrize(
    ("words", "warning"),
    [
        ('"isPartial":true', "some of its storage did not answer"),
        ('"isPartial":false', ""),
        ('"isPartial":null,"warnings":null,"error":null', ""),
        ('"warnings":["store-7 is away"]', "store-7 is away"),
        ('"isPartial":true,"warnings":["store-7 is away"]', "store-7 is away"),
        ('"warnings":["PromQL info: no counter"],"infos":["PromQL info: x"]', ""),
    ],
)
def test_every_way_to_say_that_something_is_missing_is_heard(words: str, warning: str) -> None:
    """VictoriaMetrics sets a flag, Thanos warns; a remark on PromQL leaves nothing out."""
    body = '{"status":"success",%s,"data":{"resultType":"vector","result":null}}'

    answer = read_answer((body % words).encode())

    assert (answer.series, answer.warning, answer.answered) == ((), warning, True)


@settings(max_examples=30)
@given(st.binary(max_size=200))
@example(b'{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"x"]}]}}')
@example(b'{"status":"success","data":{"resultType":"scalar","result":[1]}}')
@example(b"[" * 20_000)
@example(b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":1}}]}}')
def test_any_answer_is_read_or_refused(body: bytes) -> None:
    """Any bytes that come back are series, or an AnswerError."""
    try:
        read_answer(body)
    except AnswerError as error:
        assert str(error)  # noqa: PT017  (either outcome is right)


def test_what_was_not_measured_is_no_value() -> None:
    """NaN and infinity can be neither drawn nor compared."""
    values = '[[1,"NaN"],[3,"2"],[2,"+Inf"],[1.5,"1"]]'
    body = (
        '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":%s}]}}'
    )

    (series,) = read_answer((body % values).encode()).series

    assert series.points == ((1.5, 1.0), (3.0, 2.0))


def test_series_beyond_the_most_are_left_out_and_counted() -> None:
    """A query that returns thousands of series is cut, and the reader learns it."""
    rows = [{"metric": {"route": f"/{n}"}, "value": [1, "2"]} for n in range(203)]
    data = {"resultType": "vector", "result": rows}
    body = json.dumps({"status": "success", "data": data})

    answer = read_answer(body.encode())

    assert len(answer.series) == MOST_SERIES
    assert answer.warning == "203 series, only the first 200 are kept"
