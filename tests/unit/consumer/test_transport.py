"""The transport: a missing library is named with its extra."""

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics
from sse_observe.consumer import resume_stream
from sse_observe.errors import MissingExtraError
from tests.support.scripted_server import URL


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base install imports the module; only reading a stream needs more."""
    monkeypatch.setitem(__import__("sys").modules, "aiohttp", None)

    with pytest.raises(MissingExtraError, match=r"sse-observe\[client\]"):
        resume_stream(URL, metrics=SSEMetrics(CollectorRegistry()))
