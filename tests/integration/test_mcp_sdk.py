"""MCP's own SDK as client and as server, of both protocols, and what is counted of each stream."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute
from tests.apps.tool_server import THINKING_SECONDS, ToolServer
from tests.support.route_totals import RouteTotals
from tests.support.servers import serve
from tests.support.waiting import until, wait_until

pytestmark = pytest.mark.slow

CALLS, FEED = "POST /mcp", "GET /mcp"
Use = Callable[[Client], Coroutine[Any, Any, None]]


async def _seen(*_: object) -> None:
    """Take a report of progress: who wants none is sent none."""


async def ask(client: Client, tool: str, **arguments: object) -> Any:
    """Call a tool; a call that reports progress is a stream in both protocols."""
    return await client.call_tool(tool, arguments, progress_callback=_seen)


async def whole(client: Client) -> None:
    """Read an answer to its end."""
    assert (await ask(client, "count", to=3)).content[0].text == "3"


async def slow(client: Client) -> None:
    """Wait for the first report."""
    assert not (await ask(client, "think")).is_error


async def failed(client: Client) -> None:
    """Be told that the tool failed, which is an answer."""
    assert (await ask(client, "refuse")).is_error


async def cut(client: Client) -> None:
    """Lose the stream before the answer."""
    with pytest.raises(MCPError):
        await ask(client, "break_off")


async def given_up(client: Client) -> None:
    """Stop waiting in the middle."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await ask(client, "count", to=1000)


async def listening(client: Client) -> None:
    """Listen until there is news, and leave."""
    async with client.listen(tools_list_changed=True) as news:
        await client.call_tool("change", {})
        async for _ in news:
            return


class Served:
    """The server while it runs, and what is counted of its calls and of its feed."""

    def __init__(self) -> None:
        self.metrics = SSEMetrics(CollectorRegistry())
        self.calls = RouteTotals(self.metrics, CALLS)
        self.feed = RouteTotals(self.metrics, FEED)

    @contextmanager
    def running(self) -> Iterator[str]:
        """Serve; give the URL."""
        routes = {CALLS: StreamRoute(), FEED: StreamRoute(kind="continuous")}
        app: Any = SSEObserveMiddleware(ToolServer(), routes=routes, metrics=self.metrics)
        with serve(app) as url:
            yield f"{url}/mcp"

    async def session(self, url: str, use: Use, *, says_goodbye: bool = False) -> None:
        """Use the server in a session, once its feed is open."""
        transport = streamable_http_client(url, terminate_on_close=says_goodbye)
        async with Client(transport, mode="legacy") as client:
            # Or the SDK asks by itself, but not after each way to end.
            await client.list_tools()
            await until(lambda: self.feed.now()["open"], "the feed")
            await use(client)


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        (whole, "completed"),
        (slow, "completed"),
        (failed, "completed"),
        (cut, "server_error"),
        (given_up, "client_disconnected"),
        (listening, "client_disconnected"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_stateless_call_is_counted_as_its_caller_saw_it(use: Use, reason: str) -> None:
    """One stream each: a short answer without news is plain JSON, and no stream."""
    expected = {"opened fresh": 1, f"closed {reason}": 1, "first content": 1}
    served = Served()
    took: list[float] = []

    async def once(url: str) -> None:
        async with Client(url, mode="2026-07-28") as client:
            began = time.monotonic()
            await use(client)
            took.append(time.monotonic() - began)

    with served.running() as url:
        asyncio.run(once(url))

        assert served.calls.settled(expected) == expected
        assert served.feed.now() == {}
        if use is slow:
            assert THINKING_SECONDS <= served.calls.first_seconds <= took[0]


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        (whole, "completed"),
        (slow, "completed"),
        (failed, "completed"),
        (cut, "server_error"),
        (given_up, "client_disconnected"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_session_counts_its_greeting_its_calls_and_its_idle_feed(use: Use, reason: str) -> None:
    """The feed brings nothing, is no empty answer, and its client leaves it."""
    expected = Counter({"opened fresh": 3, "closed completed": 2, "first content": 3})
    expected[f"closed {reason}"] += 1
    idle = {"opened fresh": 1, "closed client_disconnected": 1}
    served = Served()
    with served.running() as url:
        asyncio.run(served.session(url, use))

        assert served.calls.settled(expected) == expected
        assert served.feed.settled(idle) == idle


def test_the_end_of_a_session_is_nobodys_failure() -> None:
    """The SDK says that it is over, and leaves its feed: whoever of the two ends it first."""
    expected = {"opened fresh": 3, "closed completed": 3, "first content": 3}
    served = Served()
    with served.running() as url:
        asyncio.run(served.session(url, whole, says_goodbye=True))

        assert served.calls.settled(expected) == expected
        wait_until(lambda: not served.feed.now()["open"], "the end of the feed")
        ended = set(served.feed.now()) - {"opened fresh"}
        assert len(ended) == 1
        assert ended <= {"closed completed", "closed client_disconnected"}
