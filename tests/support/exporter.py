"""
A service that only exports: the series of `services` over HTTP, in time that runs faster.

Faults come and go at a word, so that a test sees an alert come and go.
"""

import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from sse_observe.metrics import METRICS
from tests.support.services import FAULT, Key, Value

Series = Mapping[Key, Value]


class Exporter:
    """`/metrics` of one process; `series` may be exchanged while it runs, and None is no answer."""

    def __init__(
        self, series: Series, *, time_scale: float = 1, clock: Callable[[], float] | None = None
    ) -> None:
        self.series: Series | None = series
        began = time.monotonic()

        def now() -> float:
            if clock is not None:
                return clock()
            # Healthy rates end at the fault: long before it.
            return FAULT / 2 + (time.monotonic() - began) * time_scale

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler) -> None:  # noqa: N805
                given = self.series
                handler.send_response(200 if given is not None else 503)
                handler.send_header("Content-Type", "text/plain; version=0.0.4")
                handler.end_headers()
                handler.wfile.write(exposition(given or {}, now()))

            def log_message(handler, *_: object) -> None:  # noqa: N805
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def exposition(series: Series, at: float) -> bytes:
    """Write series as Prometheus reads them; what is absent at the instant is left out."""
    families: dict[str, list[str]] = {}
    for (name, labels), value in series.items():
        now = value(at)
        if now is not None and name != "up":
            families.setdefault(_family(name), []).append(_line(name, labels, now))
    return "".join(
        f"# TYPE {name} {METRICS[name].kind}\n{''.join(lines)}" for name, lines in families.items()
    ).encode()


def _family(name: str) -> str:
    return name if name in METRICS else re.sub("_(bucket|count|sum)$", "", name)


def _line(name: str, labels: tuple[tuple[str, str], ...], value: float) -> str:
    # A start is an instant, not a distance from the beginning.
    if name == "sse_start_time_seconds":
        value = time.time() + value
    pairs = ",".join(f'{label}="{text}"' for label, text in labels)
    return f"{name}{{{pairs}}} {'+Inf' if value == math.inf else repr(float(value))}\n"


def steadily(series: Mapping[Key, Callable[[float], float | None]]) -> Series:
    """Return a service that goes on as it begins: its fault never comes by itself."""
    return {key: (lambda at, value=value: _before(value, at)) for key, value in series.items()}


def _before(value: Value, at: float) -> float | None:
    """Go on as in the last minutes before the fault, for as long as it takes."""
    last, earlier = value(FAULT - 1), value(FAULT - 61)
    if last is None or earlier is None:
        return last
    return last + (last - earlier) / 60 * (at - FAULT + 1)
