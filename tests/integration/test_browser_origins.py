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


def test_a_feed_that_refuses_the_header_is_resumed_by_its_own_parameter(
    window: Any, metrics: SSEMetrics
) -> None:
    """`cursorParameter` names it: nothing has to be allowed, and nothing is missing."""
    feed = ForeignFeed(allows=False)
    with served(site(counting(1, 0), metrics)) as proxy, serve(feed) as url:
        tab = open_tab(window, proxy.url, url, retryBase=1000, reportTo="", cursorParameter="after")
        log = finish(tab)

    assert [int(text) for text in log["messages"]] == list(range(20))
    assert (log["gaps"], len(feed.headers), feed.preflights) == ([], 2, 0)


def test_event_source_alone_sends_the_header_unasked(window: Any, metrics: SSEMetrics) -> None:
    """The browser's own may: the one thing that "replace one word" costs, and `sse.gap` tells."""
    feed = ForeignFeed(allows=False)
    with served(site(counting(1, 0), metrics)) as proxy, serve(feed) as url:
        tab = window.tab(proxy.url)
        tab.run(
            """(url) => {
                window.heard = [];
                const source = new EventSource(url);
                source.onmessage = ({ data }) => window.heard.push(+data);
                source.addEventListener("done", () => source.close());
            }""",
            url,
        )
        tab.until("window.heard.length === 20")

        assert tab.run("window.heard") == list(range(20))
    assert (feed.headers[1]["last-event-id"], feed.preflights) == ("4", 0)


def test_a_name_and_a_password_in_the_url_fail_as_in_event_source(
    window: Any, metrics: SSEMetrics
) -> None:
    """No exception in the web page, but an error that its listeners hear, and the end."""
    with served(site(counting(3, 0.01), metrics)) as proxy:
        url = proxy.url.replace("http://", "http://me:pw@") + "/api/v1/stream"
        tab = window.tab(proxy.url)
        heard = tab.run(
            """async (url) => {
                const { ResilientEventSource } = await import("/sse/sse-observe.js");
                const read = (Source) => new Promise((done) => {
                    const source = new Source(url);
                    source.onerror = ({ reason }) => done([source.readyState, reason ?? null]);
                });
                return [await read(EventSource), await read(ResilientEventSource)];
            }""",
            url,
        )

    assert heard == [[2, None], [2, "request"]]


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
