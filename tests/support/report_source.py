"""A Prometheus API that answers what a test wants: by patterns, over real HTTP, in this process."""

import json
import re
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from sse_observe.report.output.report import Report
from sse_observe.report.run import ReportRequest, run_report

NOW = 1_790_000_000.0
"""When the reports of tests are made."""

Values = float | Callable[[float], float | None]
Rows = list[tuple[Mapping[str, str], Values]]

BROKEN_FROM, BROKEN_UNTIL = NOW - 7200, NOW - 3600


def broken(bad: float, good: float) -> Callable[[float], float]:
    """Return what is bad for an hour, two hours ago."""
    return lambda at: bad if BROKEN_FROM <= at <= BROKEN_UNTIL else good


def while_broken(value: float) -> Callable[[float], float | None]:
    """Return what is there while something is broken."""
    return lambda at: value if BROKEN_FROM + 300 <= at <= BROKEN_UNTIL + 60 else None


ALERT = {"alertname": "SSEStreamsStalled", "severity": "critical", "job": "chat", "route": "/b"}


def stalled(name: str = "/b") -> list[tuple[str, Rows]]:
    """Return an incident: streams of one route of three stall, and those on 3g break off."""
    alert = {**ALERT, "route": name}
    places = [{"route": route} for route in ("/a", name, "/c")]
    return [
        (r"count by \(route\)", [(place, 9.0) for place in places]),
        (
            r"ALERTS_FOR_STATE",
            [(alert, lambda at: BROKEN_FROM if while_broken(1)(at) else None)],
        ),
        (r"max_over_time\(ALERTS\{", [({**alert, "alertstate": "firing"}, while_broken(1))]),
        (
            r"topk\(50, max by \(route\) \(route:sse_streams_stalled:ratio5m",
            [(p, broken(0.9, 0.01) if p["route"] == name else 0.01) for p in places],
        ),
        (
            r"by \(network_type\).*sse_streams_lost",
            [({"network_type": "4g"}, 3.0), ({"network_type": "3g"}, 80.0)],
        ),
        (
            r"by \(network_type\).*sse_streams_completed",
            [({"network_type": "4g"}, 2997.0), ({"network_type": "3g"}, 920.0)],
        ),
        (r"by \(route\).*sse_streams_lost", [(places[0], 1.0), (places[1], 81.0)]),
        (r"by \(route\).*sse_streams_completed", [(p, 1500.0) for p in places]),
        (r"completion_objective", [(p, 0.995) for p in places]),
        (r"error_budget:ratio_left", [(p, 0.4) for p in places]),
        (r"by \(cause\)", [({"cause": "upstream"}, 550.0), ({"cause": "deploy"}, 300.0)]),
        (r"sum \(.*sse_streams_good", [({}, 4150.0)]),
        (r"sse_start_time_seconds", [({"job": "chat"}, BROKEN_FROM - 240)]),
        (
            r"sum by \(le\)",
            [({"le": le}, float(n)) for n, le in enumerate(("0.1", "1.0", "5.0", "+Inf"), 1)],
        ),
        (r"topk\(50, (max|min) by", []),
        (r"bottomk\(50, ", []),
        (r"", [({"route": name, "le": "1.0", "network_type": "4g"}, broken(0.2, 0.9))]),
    ]


class Served:
    """An HTTP server on loopback, in a thread that ends with the block it was started for."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


class FakePrometheus(Served):
    """
    Answers each query by the first pattern that is found in it.

    `refuse` maps a pattern to a status and a body instead; `asked` holds every request's headers
    and parameters.
    """

    def __init__(
        self,
        answers: list[tuple[str, Rows]] | None = None,
        refuse: Mapping[str, tuple[int, str]] | None = None,
        warnings: Mapping[str, str] | None = None,
        spacing: float = 30,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._evaluations = [[NOW - n * spacing, "1"] for n in (2, 1, 0)]
        self.answers = stalled() if answers is None else answers
        self.refuse = dict(refuse or {})
        self.warnings = dict(warnings or {})
        self.asked: list[tuple[Mapping[str, str], dict[str, str]]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                words = urlsplit(self.path)
                given = {key: value[0] for key, value in parse_qs(words.query).items()}
                fake.asked.append((dict(self.headers), given))
                status, body = fake.answer(given)
                written = body.encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(written)))
                self.end_headers()
                self.wfile.write(written)

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.url = self.url.replace("http:", "https:")

    def answer(self, given: Mapping[str, str]) -> tuple[int, str]:
        """Return the status and the body for one query."""
        expr = given["query"]
        for pattern, refusal in self.refuse.items():
            if re.search(pattern, expr):
                return refusal
        found: dict[str, Any] = {"status": "success"}
        warnings = [text for pattern, text in self.warnings.items() if re.search(pattern, expr)]
        if warnings:
            found["warnings"] = warnings
        if expr.endswith("[10m]"):
            result = [{"metric": {"route": "/a"}, "values": self._evaluations}]
            return 200, json.dumps({**found, "data": {"resultType": "matrix", "result": result}})
        rows = next(rows for pattern, rows in self.answers if re.search(pattern, expr))
        if "time" in given:
            result = [
                {"metric": labels, "value": [float(given["time"]), str(value)]}
                for labels, values in rows
                if (value := at(values, float(given["time"]))) is not None
            ]
            return 200, json.dumps({**found, "data": {"resultType": "vector", "result": result}})
        start, end, step = (float(given[key]) for key in ("start", "end", "step"))
        times = [start + n * step for n in range(int((end - start) / step + 1e-6) + 1)]
        result = [
            {
                "metric": labels,
                "values": [
                    [time, str(value)] for time in times if (value := at(values, time)) is not None
                ],
            }
            for labels, values in rows
        ]
        return 200, json.dumps({**found, "data": {"resultType": "matrix", "result": result}})


def at(values: Values, time: float) -> float | None:
    """Return the value at a time."""
    return values(time) if callable(values) else values


def report_from(source: FakePrometheus, **request: Any) -> Report:
    """Return the report that a source gives, as of the tests' now."""
    return run_report(ReportRequest(prometheus=source.url, **request), now=lambda: NOW)
