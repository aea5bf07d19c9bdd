"""One Durable Streams application, asked by hand in virtual time."""

import json
from collections.abc import Callable
from typing import Any

from sse_observe.reference import MemoryStore
from sse_observe.reference.durable_streams import durable_streams_app
from sse_observe.reference.replies import RefusedError
from tests.support.virtual import Visit, now

TEXT = {"Content-Type": "text/plain"}
JSON = {"Content-Type": "application/json"}


class Asked:
    """The application, its store, and one short word for each request."""

    def __init__(self, *, store: Any = None, **options: Any) -> None:
        self.store = store or MemoryStore(clock=now)
        self.app = durable_streams_app(self.store, **options)

    async def ask(
        self, method: str, name: str, headers: Any = None, body: bytes = b"", query: str = ""
    ) -> Visit:
        """Return the whole answer to one request."""
        return await self.open(method, name, headers, body, query).ended()

    def open(
        self, method: str, name: str, headers: Any = None, body: bytes = b"", query: str = ""
    ) -> Visit:
        """Begin one request."""
        return Visit(
            self.app, f"/{name}", method=method, headers=headers or {}, body=body, query=query
        )

    async def create(self, name: str, body: bytes = b"", headers: Any = None) -> Visit:
        """Create a stream that must be new."""
        made = await self.ask("PUT", name, {**TEXT, **(headers or {})}, body)
        assert made.status == 201, made.body
        return made

    async def append(self, name: str, body: bytes, headers: Any = None) -> Visit:
        """Append to a stream."""
        return await self.ask("POST", name, {**TEXT, **(headers or {})}, body)


def refusal_of(call: Callable[[], object]) -> RefusedError | None:
    """Return the refusal that a call ends in, or None where it does not."""
    try:
        call()
    except RefusedError as refusal:
        return refusal
    return None


def controls(visit: Visit) -> list[dict[str, Any]]:
    """Return the control events of an event stream."""
    return [dict(json.loads(event.data)) for event in visit.events if event.type == "control"]


def data(visit: Visit) -> list[str]:
    """Return the data events of an event stream."""
    return [event.data for event in visit.events if event.type == "data"]
