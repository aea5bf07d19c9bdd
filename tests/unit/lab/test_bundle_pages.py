"""Rendered files as web pages: safe, and linked to each other."""

import json

from sse_observe.lab.bundle_pages import bundle_pages

BOARD = {
    "uid": "sse-x",
    "title": "X <b>",
    "panels": [
        {
            "title": "P",
            "description": "See [it](http://h/)",
            "targets": [{"expr": 'rate(a{job=~"$job"}[$__rate_interval])'}],
        },
        {"title": "Row", "panels": [{"title": "Q", "description": "", "targets": [{"expr": "b"}]}]},
    ],
}
FILES = {
    "runbooks/A.md": "<!-- banner -->\n# A\n\n[B](B.md) <script>alert(1)</script>\n",
    "dashboards/x.json": json.dumps(BOARD),
    "alerts/sse-alerts.yaml": "groups: []\n",
}


def test_the_pages_of_the_bundle_are_safe_and_lead_to_each_other() -> None:
    """Runbooks as HTML without their banner, raw HTML as text, boards with a link per query."""
    pages = bundle_pages(FILES, "http://prometheus")

    assert "banner" not in pages["/runbooks/A.md"]
    assert "<script>" not in pages["/runbooks/A.md"]
    assert 'href="B.md"' in pages["/runbooks/A.md"]
    assert "X &lt;b&gt;" in pages["/d/sse-x"]
    assert "rate(a{job=~&quot;.+&quot;}[1m])" in pages["/d/sse-x"]
    assert "http://prometheus/graph?g0.expr=rate" in pages["/d/sse-x"]
    assert json.loads(pages["/dashboards/x.json"]) == BOARD


def test_a_panel_inside_a_row_is_shown_too() -> None:
    """Collapsed rows hold half of each board."""
    assert "<h2>Q</h2>" in bundle_pages(FILES)["/d/sse-x"]


def test_without_a_prometheus_no_link_leads_to_one() -> None:
    """The queries stand there all the same, and rules are no page."""
    pages = bundle_pages(FILES)

    assert "graph?" not in pages["/d/sse-x"]
    assert set(pages) == {"/runbooks/A.md", "/dashboards/x.json", "/d/sse-x"}
