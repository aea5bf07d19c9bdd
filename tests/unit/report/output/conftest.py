"""Reports whose names mean ill, or mean something to somebody else."""

import pytest

from sse_observe.report.output.html_file import html_file
from sse_observe.report.output.report import Report
from tests.support.report_html import hostile_report, strange_report


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Return the report about a source and a log that mean ill."""
    return hostile_report(tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="session")
def html(hostile: Report) -> str:
    """Return its HTML."""
    return html_file(hostile)


@pytest.fixture(scope="session")
def strange() -> str:
    """Return the HTML about routes whose names mean something to somebody else."""
    return html_file(strange_report())
