"""A source that knows of one incident, and the boards that it fills."""

from collections.abc import Iterator

import pytest

from sse_observe.boards.reader import BoardReader
from sse_observe.render.bundle import catalogue
from sse_observe.report.query.source import Source
from tests.support.report_source import NOW, FakePrometheus

CATALOG, SETTINGS = catalogue(None)


@pytest.fixture
def source() -> Iterator[FakePrometheus]:
    """Return a source that knows of one incident."""
    with FakePrometheus() as fake:
        yield fake


@pytest.fixture
def reader(source: FakePrometheus) -> BoardReader:
    """Return who asks it, as of the tests' now."""
    return BoardReader(Source(source.url), CATALOG, SETTINGS, now=lambda: NOW)
