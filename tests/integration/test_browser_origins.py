"""Streams of other origins, and streams of workers, in a real Chromium."""

from typing import Any

import pytest

from sse_observe import SSEMetrics
from tests.apps.foreign_feed import ForeignFeed
from tests.apps.site import counting, site
from tests.support.servers import serve
from tests.support.site_tab import finish, open_tab, served

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("allows", [True, False], ids=["header allowed", "header refused"])
def test_a_feed_of_another_origin_is_resumed(
    allows: bool, window: Any, metrics: SSEMetrics
) -> None:
    """Exactly where it allows the header; where it does not, what may be missing is announced."""
    feed = ForeignFeed(allows=allows)
    with served(site(counting(1, 0), metrics)) as proxy, serve(feed) as url:
        # The feed makes an event in a third of the shortest pause, so some are missed.
        tab = open_tab(window, proxy.url, url, retryBase=1000, reportTo="")
        log = finish(tab)

    numbers = [int(text) for text in log["messages"]]
    assert numbers == sorted(set(numbers))
    assert len(feed.headers) == 2
    if allows:
        assert numbers == list(range(20))
        assert (log["gaps"], feed.headers[1]["last-event-id"]) == ([], "4")
    else:
        assert len(numbers) < 20
        assert log["gaps"] == [None]


def test_the_first_request_to_another_origin_needs_no_permission(
    window: Any, metrics: SSEMetrics
) -> None:
    """No header and no parameter that a plain EventSource would not send."""
    feed = ForeignFeed(allows=False, total=5)
    with served(site(counting(1, 0), metrics)) as proxy, serve(feed) as url:
        tab = open_tab(window, proxy.url, url, reportTo="")
        tab.until("window.log.messages.length === 5")

    assert not {"ect", "last-event-id"} & set(feed.headers[0])


WORKER = b"""
import { ResilientEventSource } from "/sse/sse-observe.js";
self.onconnect = ({ ports: [port] }) => {
  const source = new ResilientEventSource("/api/v1/stream");
  source.onmessage = ({ data }) => port.postMessage(data);
};
"""


def test_a_relative_url_in_a_shared_worker(window: Any, metrics: SSEMetrics) -> None:
    """There is no document there: it is relative to the worker's script, as everywhere."""

    async def worker(scope: Any, receive: Any, send: Any) -> None:
        kind = [(b"content-type", b"text/javascript")]
        await send({"type": "http.response.start", "status": 200, "headers": kind})
        await send({"type": "http.response.body", "body": WORKER})

    with served(site(counting(3, 0.01), metrics, more={"/js/worker.js": worker})) as proxy:
        tab = window.tab(proxy.url)
        tab.run(
            """() => {
                window.heard = [];
                const { port } = new SharedWorker("/js/worker.js", { type: "module" });
                port.onmessage = ({ data }) => window.heard.push(data);
            }"""
        )
        tab.until("window.heard.length === 3")

        assert tab.run("window.heard") == ["0", "1", "2"]
