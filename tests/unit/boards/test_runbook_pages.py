"""Runbooks as web pages: safe, and linked to each other."""

from sse_observe.boards.runbook_pages import runbook_pages, runbook_path

FILES = {
    "runbooks/A.md": "<!-- banner -->\n# A\n\n[B](B.md) <script>alert(1)</script>\n\n"
    "[x](javascript:alert(1))\n\n| a |\n|---|\n| b |\n",
    "dashboards/x.json": "{}",
    "alerts/sse-alerts.yaml": "groups: []\n",
}


def test_runbooks_are_safe_and_lead_to_each_other() -> None:
    """HTML without the banner, raw HTML as text, no script behind a link; and nothing else."""
    pages = runbook_pages(FILES)
    page = pages[runbook_path("A")]

    assert set(pages) == {"/runbooks/A.md"}
    assert "banner" not in page
    assert "<script>" not in page
    assert 'href="javascript' not in page
    assert 'href="B.md"' in page
    assert '<div class="scroll"' in page
