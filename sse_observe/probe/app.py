"""
The prober's own pages: `/probe`, `/metrics`, `/-/reload`, `/-/healthy`, and a front page.

An ASGI application; every answer is one line or Prometheus text. Nothing of a request becomes a
label but what the configuration names.
"""

import math
from typing import NamedTuple
from urllib.parse import parse_qs

from prometheus_client import generate_latest

from sse_observe.asgi import Receive, Scope, Send, header
from sse_observe.check.asking.failures import AskError
from sse_observe.errors import SSEObserveError
from sse_observe.probe.exposition import one, registry_of
from sse_observe.probe.prober import Key, Prober, Skipped

_TEXT = "text/plain; charset=utf-8"
# The library has a name for it since 0.23 alone.
_METRICS = "text/plain; version=0.0.4; charset=utf-8"
_LONGEST_QUERY = 4096
_TIMEOUT = b"x-prometheus-scrape-timeout-seconds"
_FRONT = """sse-observe probe
/probe?target=NAME&module=MODULE  asks once, for Prometheus to scrape
/metrics                          this prober, and the outcomes of its own schedule
/-/reload                         reads the configuration again (POST)
/-/healthy                        is up
"""


class Answer(NamedTuple):
    """An answer, whole."""

    status: int
    body: bytes
    kind: str = _TEXT


class ProbeApp:
    """The pages of one prober."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._registry = registry_of(prober)

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        answer = await self._answer(scope)
        headers = [
            (b"content-type", answer.kind.encode()),
            (b"content-length", str(len(answer.body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        head = {"type": "http.response.start", "status": answer.status, "headers": headers}
        await send(head)
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope) -> Answer:
        method, path = scope["method"], scope["path"]
        wanted = ("POST",) if path == "/-/reload" else ("GET", "HEAD")
        pages = {
            "/": lambda: _line(200, _FRONT),
            "/-/healthy": lambda: _line(200, "up"),
            "/-/reload": self._reload,
            "/metrics": self._metrics,
        }
        if path != "/probe" and path not in pages:
            return _line(404, "no such page")
        if method not in wanted:
            return _line(405, f"{wanted[0]} it")
        return await self._probe(scope) if path == "/probe" else pages[path]()

    def _metrics(self) -> Answer:
        return Answer(200, generate_latest(self._registry), _METRICS)

    def _reload(self) -> Answer:
        try:
            self._prober.reload()
        except SSEObserveError as error:
            return _line(500, str(error))
        return _line(200, "read again")

    async def _probe(self, scope: Scope) -> Answer:
        query = scope["query_string"]
        if len(query) > _LONGEST_QUERY:
            return _line(414, f"the query is longer than {_LONGEST_QUERY} bytes")
        try:
            fields = parse_qs(query.decode("latin-1"), max_num_fields=8)
        except ValueError:
            return _line(400, "the query has more than 8 fields")
        target = fields.get("target", [""])[-1]
        module = fields.get("module", [None])[-1]
        if not target:
            return _line(400, "target is missing: /probe?target=NAME&module=MODULE")
        try:
            watched, stranger = self._prober.find(target, module)
            seconds = _seconds(header(scope["headers"], _TIMEOUT))
            found = await self._prober.probe(watched, stranger=stranger, seconds=seconds)
        except AskError as error:
            return _line(403 if error.kind == "forbidden" else 400, str(error))
        except Skipped as error:
            return _line(503, str(error))
        text = one(Key(watched.name, watched.module_name), found)
        return Answer(200, text, _METRICS)


def _seconds(text: bytes | None) -> float | None:
    try:
        value = float(text or b"")
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _line(status: int, words: str) -> Answer:
    return Answer(status, f"{words.rstrip()}\n".encode())
