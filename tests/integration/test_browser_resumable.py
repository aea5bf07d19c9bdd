"""An answer of `ResumableStreams` on two hosts of one Redis, read by our client in a Chromium."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics
from sse_observe.reference import ResumableStreams
from sse_observe.reference.redis import RedisStore
from tests.apps.site import counting, site
from tests.support.proxy import UnreliableProxy
from tests.support.redis_server import RedisServer
from tests.support.site_tab import finish, log_of, served, wait_for_messages

pytestmark = [pytest.mark.slow, pytest.mark.long]

ASK = """([url, body]) => {
  window.stream(`${url}?resumable=1`, {
    fetch: { method: "POST", headers: { "Content-Type": "application/json" }, body },
    storage: sessionStorage,
    resume: (stream) => stream && `/v1/streams/${stream}`,
    retryBase: 100,
    waitingAfter: 3_600_000,
  });
}"""
QUESTION = json.dumps({"ask": "poem", "as": "poem-of-today"})


class Hosts:
    """Two hosts behind a balancer that knows no sessions; `asked` is each request and its host."""

    def __init__(self, redis: RedisServer) -> None:
        self._hosts = [
            ResumableStreams(
                RedisStore.from_url(
                    redis.url, max_events=100_000, metrics=SSEMetrics(CollectorRegistry())
                ),
                drain_seconds=0,
            )
            for _ in "ab"
        ]
        self._enough = threading.Event()
        self.asked: list[tuple[str, int]] = []
        self.produced: list[str] = []

    def enough(self) -> None:
        """Let the answer end."""
        self._enough.set()

    async def _answer(self, question: str) -> AsyncIterator[str]:
        while not self._enough.is_set():
            word = f"{question}:{len(self.produced)}"
            self.produced.append(word)
            yield f"data: {word}\n\n"
            await asyncio.sleep(0.05)
        yield "data: [DONE]\n\n"

    async def live(self, _: Any, receive: Any, send: Any) -> None:
        """End both when their server does: each gives back its connections."""
        for step in ("startup", "shutdown"):
            await receive()
            if step == "shutdown":
                for host in self._hosts:
                    await host.aclose()
            await send({"type": f"lifespan.{step}.complete"})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let the next host answer."""
        number = len(self.asked) % 2
        self.asked.append((scope["method"], number))
        host = self._hosts[number]
        if scope["method"] == "POST":
            body = json.loads((await receive())["body"])
            answer = host.response(self._answer(body["ask"]), stream_id=body["as"])
        else:
            answer = host.resume(scope["path"].rpartition("/")[2])
        await answer(scope, receive, send)


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    with RedisServer(tmp_path) as redis:
        yield Hosts(redis)


@pytest.fixture
def proxy(hosts: Hosts, metrics: SSEMetrics) -> Iterator[UnreliableProxy]:
    web_site = site(counting(1, 0), metrics, more={"/v1/": hosts})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (hosts.live if scope["type"] == "lifespan" else web_site)(scope, receive, send)

    with served(app) as proxy:
        yield proxy


def asked_by(window: Any, proxy: UnreliableProxy) -> Any:
    """Return a tab in which the question was put, and the answer has begun."""
    tab = window.tab(proxy.url)
    ask(tab)
    return tab


def ask(tab: Any) -> None:
    tab.until("window.ready")
    tab.run(ASK, ["/v1/chat", QUESTION])
    wait_for_messages(tab, 5)


def test_a_reload_goes_on_at_the_other_host(window: Any, proxy: Any, hosts: Hosts) -> None:
    """One POST; the page is loaded anew, and shows what followed, from the host that comes next."""
    tab = asked_by(window, proxy)
    before = log_of(tab)["messages"]
    tab.call(tab.page.reload())
    ask(tab)
    hosts.enough()
    after = finish(tab)["messages"]

    assert hosts.asked == [("POST", 0), ("GET", 1)]
    # What came in the instant of the reload was shown there.
    first = hosts.produced.index(after[0])
    assert first >= len(before)
    assert after == [*hosts.produced[first:], "[DONE]"]


def test_a_cut_goes_on_at_the_other_host(window: Any, proxy: Any, hosts: Hosts) -> None:
    """Each word once, in order, over three connections to two hosts and one POST."""
    tab = asked_by(window, proxy)
    for opened in (2, 3):
        proxy.reset()
        tab.until(f"window.log.openedAt.length === {opened}")
        wait_for_messages(tab, len(log_of(tab)["messages"]) + 3)
    hosts.enough()
    log = finish(tab)

    assert hosts.asked == [("POST", 0), ("GET", 1), ("GET", 0)]
    assert log["messages"] == [*hosts.produced, "[DONE]"]
    assert log["gaps"] == []


def test_another_device_reads_it_by_its_name(
    chromium: Any, window: Any, proxy: Any, hosts: Hosts
) -> None:
    """A browser that shares nothing with the first one gets the whole answer, while it is made."""
    tab = asked_by(window, proxy)
    with chromium.window() as elsewhere:
        other = elsewhere.tab(proxy.url)
        other.until("window.ready")
        other.run("() => { window.stream('/v1/streams/poem-of-today?resumable=1'); }")
        wait_for_messages(other, 5)
        hosts.enough()
        logs = [finish(tab), finish(other)]

    assert hosts.asked == [("POST", 0), ("GET", 1)]
    assert [log["messages"] for log in logs] == [[*hosts.produced, "[DONE]"]] * 2
