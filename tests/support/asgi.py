"""Drive an ASGI application by hand, one message at a time, without a server."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

STREAM_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


def http_scope(path: str = "/s", *, method: str = "GET", query: str = "", **more: Any) -> dict:
    """Return the scope of one request; a header is given as `accept="..."`."""
    headers = {name.replace("_", "-"): value for name, value in more.pop("headers", {}).items()}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        **more,
    }


class Exchange:
    """One request: what the application sent, and when its client leaves."""

    def __init__(self, app: Any, scope: Mapping[str, Any]) -> None:
        self.app = app
        self.scope = scope
        self.sent: list[Any] = []
        self.gone = asyncio.Event()
        self.on_send: Callable[[Any], Any] | None = None
        self._asked = False

    async def receive(self) -> dict[str, Any]:
        """Give the request once, then wait for the client to leave."""
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Take what the application sends."""
        self.sent.append(message)
        if self.on_send is not None:
            done = self.on_send(message)
            if done is not None:
                await done

    async def run(self) -> list[Any]:
        """Run the application to its end."""
        await self.app(self.scope, self.receive, self.send)
        return self.sent

    @property
    def body(self) -> bytes:
        """Return all body bytes that were sent."""
        bodies = (m.get("body") or b"" for m in self.sent if m["type"] == "http.response.body")
        return b"".join(bytes(body) for body in bodies)


def drive(app: Any, scope: Mapping[str, Any] | None = None) -> list[Any]:
    """Run one request on a loop of its own and return what was sent."""
    return asyncio.run(Exchange(app, scope or http_scope()).run())


def start(status: int = 200, headers: Any = None) -> dict[str, Any]:
    """Return a response start, of an event stream if nothing else is said."""
    found = STREAM_HEADERS if headers is None else headers
    return {"type": "http.response.start", "status": status, "headers": found}


def body(data: Any, *, more: bool = True) -> dict[str, Any]:
    """Return one body message."""
    return {"type": "http.response.body", "body": data, "more_body": more}


END = {"type": "http.response.body"}


def value(metrics: Any, name: str, **labels: str) -> float:
    """Return one sample of these metrics, after a flush; 0 where there is none."""
    total = 0.0
    for family in metrics.registry.collect():
        # Samples begin with the name of their family; most need not be made.
        for sample in family.samples if name.startswith(family.name) else ():
            if sample.name == name and labels.items() <= sample.labels.items():
                total += sample.value
    return total


def samples(metrics: Any, *prefixes: str) -> dict[str, float]:
    """Return every sample that is not 0, by a readable name; `prefixes` narrow them down."""
    found = {}
    for family in metrics.registry.collect():
        for sample in family.samples:
            if sample.value and (not prefixes or sample.name.startswith(prefixes)):
                labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
                found[f"{sample.name}{{{labels}}}"] = sample.value
    return found
