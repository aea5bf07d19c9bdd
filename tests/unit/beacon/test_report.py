"""The form of a beacon report: what cannot be true is refused whole."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse_observe.beacon import Limits, beacon_app
from sse_observe.registry import SSEMetrics
from tests.support.clock import Clock
from tests.support.reporting import RECONNECT, ROUTE, SECRET, post, results, value, vector


@pytest.fixture
def app(metrics: SSEMetrics, clock: Clock) -> Any:
    return beacon_app(metrics, secret=SECRET, clock=clock)


@pytest.fixture
def token(app: Any) -> str:
    return app.issue(ROUTE, "all", "3g")


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"events": -1},
        {"events": 1_000_001},
        {"events": 1.5},
        {"events": "1"},
        {"events": True},
        {"n": 0},
        {"n": None},
        {"duplicates": 1},
        {"lost": 10_001},
        {"outcome": "won"},
        {"shown": {"reconnecting_1": 1}},
        {"shown": [1]},
        {RECONNECT: {"counts": [1], "sum": 0}},
        {RECONNECT: {"counts": [0] * 9, "sum": 0}},
        {RECONNECT: {**vector(_1=1), "sum": 0.4}},
        {RECONNECT: {**vector(_1=1), "sum": 1.1}},
        {RECONNECT: {**vector(_8=1), "sum": 86_401}},
        {RECONNECT: {**vector(_1=1), "sum": -1}},
        {RECONNECT: {**vector(_1=1), "le": 1}},
        {"token": 7},
    ],
    ids=str,
)
def test_a_report_that_cannot_be_true_is_refused_whole(
    change: dict[str, Any], metrics: SSEMetrics, app: Any, token: str
) -> None:
    """Unknown keys, negative, absurd and contradictory numbers: nothing of it is counted."""
    answer = post(app, {"token": token, "n": 1, "stalls": 1, **change})

    assert (answer.status, answer.body) == (400, b"")
    assert results(metrics) == {"bad_schema": 1}
    assert value(metrics, "sse_stall_detections_total", route=ROUTE, seen_by="client") == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"n":1e999}', b'{"n":NaN}', b"[" * 4000, b"{}" * 9],
    ids=repr,
)
def test_what_is_no_report_is_refused(body: bytes, metrics: SSEMetrics, app: Any) -> None:
    """The answer is a bare 400, whatever it was."""
    assert post(app, body).status == 400
    assert results(metrics) == {"bad_schema": 1}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)


VALUES = st.recursive(
    SCALARS,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
    max_leaves=6,
)


KEYS = st.sampled_from(["token", "n", "events", "lost", "shown", "outcome", RECONNECT, "x"])


def test_no_form_of_report_breaks_it(metrics: SSEMetrics) -> None:
    """Any JSON under any key, with a true token too: refused or counted, never an exception."""
    wide = (1e9, 1e9)
    app = beacon_app(metrics, secret=SECRET, limits=Limits(wide, wide, wide))

    @settings(max_examples=200)
    @given(st.dictionaries(KEYS, VALUES), st.booleans())
    def hold(fields: dict[str, Any], signed: bool) -> None:
        token = {"token": app.issue(ROUTE, "all", "4g")} if signed else {}
        assert post(app, {**fields, **token}).status in (204, 400, 403, 413)
        assert value(metrics, "sse_observer_faults_total", where="beacon") == 0

    hold()
