"""Runbooks as web pages, so that every link of an alert opens on this machine."""

from collections.abc import Mapping
from pathlib import Path

from sse_observe.boards.web_pages import text_page
from sse_observe.report.output.runbook_html import runbook_reader, without_banner


def runbook_path(alert: str) -> str:
    """Return the path of an alert's runbook."""
    return f"/runbooks/{alert}.md"


def runbook_pages(files: Mapping[str, str]) -> dict[str, str]:
    """Return the web pages of the runbooks among rendered files, by path."""
    return {
        f"/{name}": text_page(Path(name).stem, runbook_reader().render(without_banner(text)))
        for name, text in files.items()
        if name.startswith("runbooks/")
    }
