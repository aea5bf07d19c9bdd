"""
"Replace one word": the same streams, read by `EventSource` and by our module in a real Chromium.

What the server is asked and what listeners get must be the same.
"""

from typing import Any

import pytest

from sse_observe import SSEMetrics
from tests.apps.site import counting, site
from tests.support.site_tab import served

pytestmark = pytest.mark.slow

OPENS = [(b"content-type", b"text/event-stream")]
# Each stream over its connections; the last one stays open until the tab is closed.
STREAMS: dict[str, list[str]] = {
    "words that are data": ["data: when\n\ndata: done\n\ndata: tell\n\ndata: me\n\n"],
    "our own events' names": [
        'event: status\ndata: {"a":1}\n\nevent: gap\ndata: {"b":2}\n\nevent: open\ndata: 3\n\n'
    ],
    "an error of the feed's own": ["event: error\ndata: e\n\ndata: after\n\n"],
    "an id beyond Latin-1": ["id: заказ-1\ndata: a\n\n", "id: заказ-2\ndata: b\n\n"],
    "an id with an accent": ["id: é\ndata: a\n\n", "id: ü\ndata: b\n\n"],
    "an empty id": ["id: 5\ndata: a\n\nid:\ndata: b\n\n", "data: c\n\n"],
    "an id without data": ["id: 5\ndata: a\n\nid: 6\n\n", "data: b\n\n"],
    "a counter that begins again": [
        "id: 1\ndata: a\n\nid: 2\ndata: b\n\n",
        "id: 1\ndata: c\n\nid: 2\ndata: d\n\n",
    ],
    "one id for all words": [
        "id: m\ndata: a\n\nid: m\ndata: b\n\n",
        "id: m\ndata: a\n\nid: m\ndata: d\n\n",
    ],
    "ids that look like ours": [
        "id: 0-room\ndata: a\n\nid: 0-room\ndata: b\n\n",
        "id: 0-room\ndata: c\n\n",
    ],
    "events without ids": ["data: a\n\n", "data: a\n\n"],
}
QUERIES = {
    "signed": "?key=a%20b~c&flag&sig=x%2Fy+z&empty=",
    "none": "",
    "our own names": "?network_type=mine&last_event_id=7&mode=dark",
}
READ = """
async ([url, names, enough]) => {
  const { ResilientEventSource } = await import("/sse/sse-observe.js");
  const read = (Source, who) => new Promise((done) => {
    const seen = [];
    const more = Source === EventSource ? {} : { reportTo: "", retryBase: 100, pollAfter: 0 };
    const source = new Source(`/raw/${who}/` + url, more);
    const hear = (event) => {
      // What has no data is nobody's event but the source's own, as `error` and `open` are.
      if (event.data === undefined && event.type in { error: 0, open: 0 }) return;
      seen.push([event.type, event.data ?? null, event.lastEventId ?? null]);
      if (seen.length === enough) { source.close(); done(seen); }
    };
    for (const name of names) source.addEventListener(name, hear);
    setTimeout(() => done([...seen, "and no more"]), 20000);
  });
  return [await read(EventSource, "native"), await read(ResilientEventSource, "ours")];
}
"""


class Raw:
    """Serves the scripted streams; `asked` is what each of both readers asked for, in order."""

    def __init__(self, connections: list[str]) -> None:
        self._connections = connections
        self.asked: dict[str, list[tuple[str, str | None]]] = {"native": [], "ours": []}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send the next connection's text; wait at the end of the last one."""
        who = scope["path"].split("/")[2]
        headers = dict(scope["headers"])
        cursor = headers.get(b"last-event-id")
        query = scope["query_string"].decode()
        self.asked[who].append((query, None if cursor is None else cursor.decode()))
        at = len(self.asked[who]) - 1
        text = "retry: 100\n\n" + self._connections[min(at, len(self._connections) - 1)]
        await send({"type": "http.response.start", "status": 200, "headers": OPENS})
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        if at >= len(self._connections) - 1:
            await receive()
            while (await receive())["type"] != "http.disconnect":
                pass
        await send({"type": "http.response.body", "body": b""})


def both(window: Any, metrics: SSEMetrics, raw: Raw, url: str, texts: list[str]) -> tuple[Any, Any]:
    """Return what both readers heard of a stream."""
    lines = "".join(texts).split("\n")
    names = {line.removeprefix("event: ") for line in lines if line.startswith("event: ")}
    blocks = [block for text in texts for block in text.split("\n\n")]
    enough = sum("data:" in block for block in blocks)
    with served(site(counting(1, 0), metrics, more={"/raw/": raw})) as proxy:
        tab = window.tab(proxy.url)
        native, ours = tab.run(READ, [url, sorted({"message", *names}), enough])
        assert tab.errors == []
    return native, ours


@pytest.mark.parametrize("name", STREAMS)
def test_listeners_and_server_see_no_difference(
    name: str, window: Any, metrics: SSEMetrics
) -> None:
    """Events, their data and ids; and the cursor of each connection."""
    raw = Raw(STREAMS[name])

    native, ours = both(window, metrics, raw, "feed", STREAMS[name])

    assert native == ours
    assert "and no more" not in native
    assert raw.asked["native"] == raw.asked["ours"]
    assert len(raw.asked["ours"]) == len(STREAMS[name])


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_the_request_is_the_callers_byte_for_byte(
    query: str, window: Any, metrics: SSEMetrics
) -> None:
    """A signed URL, a strict route, and parameters with names of ours: also when resumed."""
    texts = ["id: 1\ndata: a\n\n", "id: 2\ndata: b\n\n"]
    raw = Raw(texts)

    both(window, metrics, raw, "feed" + query, texts)

    assert raw.asked["native"] == raw.asked["ours"]
    assert [asked for asked, _ in raw.asked["ours"]] == [query[1:]] * 2
