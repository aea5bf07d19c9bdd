"""The demo's first web page."""

from sse_observe.lab.demo.home_page import home_page
from sse_observe.render.bundle import catalogue
from tests.support.report_html import Outline


def test_the_home_page_leads_to_everything_that_is_served() -> None:
    """Metrics, runbooks, each board; a stream of one's own, and both buttons."""
    boards = catalogue(None).catalog.boards
    outline = Outline(home_page(boards, 7))

    links = {str(one["href"]) for one in outline.named("a")}
    assert links == {"/metrics", "/runbooks/README.md", *(f"/d/{one.uid}" for one in boards)}
    assert [one["id"] for one in outline.named("button")] == ["plug", "incident"]
    assert {"status", "answer", "alerts"} <= {str(one.get("id")) for _, one in outline.tags}


def test_no_script_or_style_stands_in_the_page() -> None:
    """Its policy would not run one."""
    page = home_page(catalogue(None).catalog.boards, 7)

    assert Outline(page).named("script") == [{"src": "/demo/home.js", "type": "module"}]
    assert "style=" not in page
    assert "7 synthetic users" in page
