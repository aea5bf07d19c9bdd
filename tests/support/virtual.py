"""
Time that passes only when everything waits, and one ASGI client to drive by hand in it.

An hour of heartbeats takes milliseconds, and each falls on its exact second.
"""

import asyncio
import json
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from sse_observe.wire import Event, Scanner


class _Leap(selectors.DefaultSelector):  # type: ignore[valid-type, misc]
    """A selector that never waits: it moves the loop's clock to the next timer instead."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everything waits, and no timer is set: it would hang")
            self.now += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.leap = _Leap()
        super().__init__(self.leap)

    def time(self) -> float:
        return float(self.leap.now)


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)


def now() -> float:
    """Return the virtual time."""
    return asyncio.get_running_loop().time()


class Visit:
    """
    One request to an ASGI application, and what came back so far.

    `stop_reading()` makes `send` block, as a full socket does; `leave()` is the client's FIN.
    """

    def __init__(
        self,
        app: Callable[..., Awaitable[None]],
        path: str = "/api/v1/stream",
        *,
        method: str = "GET",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        root_path: str = "",
    ) -> None:
        self.messages: list[dict[str, Any]] = []
        self.times: list[float] = []
        self._arrival = asyncio.Event()
        self._gone = asyncio.Event()
        self._reads = asyncio.Event()
        self._reads.set()
        self._request: dict[str, Any] | None = {"type": "http.request", "body": body}
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": root_path + path,
            "raw_path": (root_path + path).encode(),
            "root_path": root_path,
            "query_string": query.encode("latin-1"),
            "headers": [
                (name.lower().encode(), value.encode("latin-1"))
                for name, value in (headers or {}).items()
            ],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 80),
            "scheme": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
        }
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self._request is not None:
            request, self._request = self._request, None
            return request
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        # A server drops what it is given after the client left.
        gone = asyncio.ensure_future(self._gone.wait())
        reads = asyncio.ensure_future(self._reads.wait())
        try:
            await asyncio.wait({gone, reads}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            reads.cancel()
        if self._gone.is_set():
            return
        self.messages.append(dict(message))
        self.times.append(now())
        self._arrival.set()

    def stop_reading(self) -> None:
        """Let every further `send` block."""
        self._reads.clear()

    @property
    def is_cut(self) -> bool:
        """Whether the client hung up, or its connection was cut."""
        return self._gone.is_set()

    def cut(self) -> None:
        """Lose the connection in both directions."""
        self._gone.set()
        self._arrival.set()

    def leave(self) -> None:
        """Hang up."""
        self._gone.set()

    async def until(self, claim: Callable[["Visit"], bool]) -> "Visit":
        """Wait until the claim holds; the loop itself notices when it never will."""
        while not claim(self):
            self._arrival.clear()
            assert not self.task.done(), f"the response ended first: {self.messages}"
            arrival = asyncio.ensure_future(self._arrival.wait())
            await asyncio.wait({arrival, self.task}, return_when=asyncio.FIRST_COMPLETED)
            arrival.cancel()
        return self

    async def ended(self) -> "Visit":
        """Wait for the application to return."""
        await self.task
        return self

    async def left(self) -> "Visit":
        """Hang up and wait for the application to notice."""
        self.leave()
        return await self.ended()

    @property
    def status(self) -> int:
        """The status that was answered."""
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers."""
        return {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def body(self) -> bytes:
        """The body so far."""
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def complete(self) -> bool:
        """Whether the last body message was sent."""
        return len(self.messages) > 1 and not self.messages[-1].get("more_body", False)

    @property
    def events(self) -> list[Event]:
        """The events so far."""
        return Scanner().feed(self.body)

    @property
    def hello(self) -> dict[str, Any]:
        """The data of the first event, which must be the greeting."""
        first = self.events[0]
        assert first.type == "sse.hello"
        return dict(json.loads(first.data))

    @property
    def payloads(self) -> list[str]:
        """The data of the payload events so far."""
        return [event.data for event in self.events if event.type == "message"]

    @property
    def ids(self) -> list[str]:
        """The ids of the payload events so far."""
        return [event.last_event_id for event in self.events if event.type == "message"]
