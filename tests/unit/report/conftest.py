"""A source that knows of one incident, and what a report finds there."""

from collections.abc import Iterator

import pytest

from sse_observe.report.output.report import Report
from tests.support.report_source import FakePrometheus, report_from


@pytest.fixture(scope="session")
def report_source() -> Iterator[FakePrometheus]:
    """Return a source that knows of one incident."""
    with FakePrometheus() as fake:
        yield fake


@pytest.fixture(scope="session")
def report(report_source: FakePrometheus) -> Report:
    """Return what a report finds there."""
    return report_from(report_source)
