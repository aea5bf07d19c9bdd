"""The demo's first web page."""

import json

from sse_observe.lab.demo.home_page import home_page


def test_the_home_page_leads_to_everything_that_is_served() -> None:
    """Metrics, runbooks, and each board at Grafana's own path; and a stream of one's own."""
    board = json.dumps({"uid": "sse-x", "title": "X <b>"})
    page = home_page({"dashboards/x.json": board, "runbooks/A.md": ""})

    for link in ("/metrics", "/runbooks/README.md", "/d/sse-x"):
        assert f'href="{link}"' in page
    assert "X &lt;b&gt;" in page
    assert "new ResilientEventSource" in page
