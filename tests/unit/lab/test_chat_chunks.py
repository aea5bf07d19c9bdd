"""Chat chunks: each is what the middleware takes it for."""

import pytest

from sse_observe import SSEMetrics, SSEObserveMiddleware
from sse_observe.lab.chat_chunks import DONE, FINISH, ROLE, chunk, error
from sse_observe.wire import encode
from tests.support.asgi import drive, value
from tests.support.streaming import streaming


@pytest.mark.parametrize(
    ("data", "reason", "empty"),
    [
        ((ROLE, chunk({"content": "a"}), FINISH, DONE), "completed", 0),
        ((ROLE, FINISH, DONE), "completed", 1),
        ((ROLE, chunk({"content": "a"}), error("overloaded_error"), DONE), "error_event", 0),
    ],
)
def test_answers_are_recognised_as_chat(
    metrics: SSEMetrics, data: tuple[str, ...], reason: str, empty: int
) -> None:
    """The role is no content, the last word decides, and an answer without words is empty."""
    drive(SSEObserveMiddleware(streaming(*map(encode, data)), metrics=metrics))

    assert value(metrics, "sse_streams_closed_total", reason=reason) == 1
    assert value(metrics, "sse_streams_empty_total") == empty
