"""A proxy before a real Prometheus that behaves as another system with the same API documents."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.support.report_source import Served

Query = dict[str, str]
JSON = dict[str, Any]
Refusal = tuple[int, str]


class Gateway(Served):
    """
    Forwards what is asked under a prefix; `url` has the prefix.

    `refuse` may answer a query itself, by its headers and its parameters; `moved` changes the
    parameters, `changed` the answer. `asked` holds every path below the prefix. Everything but
    queries is unknown to it, as rules and alerts are to a store.
    """

    def __init__(
        self,
        upstream: str,
        prefix: str = "",
        *,
        refuse: Callable[[Mapping[str, str], Query], Refusal | None] = lambda _, __: None,
        moved: Callable[[Query], Query] = lambda query: query,
        changed: Callable[[JSON], JSON] = lambda answer: answer,
    ) -> None:
        self.asked: list[str] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                words = urlsplit(self.path)
                query = {key: value[0] for key, value in parse_qs(words.query).items()}
                path = words.path.removeprefix(prefix)
                gateway.asked.append(path)
                if not words.path.startswith(f"{prefix}/") or "query" not in path:
                    status, body = 404, "404 page not found"
                else:
                    # What a server reads is without regard to capitals.
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    status, body = refuse(headers, query) or forwarded(path, query)
                written = body.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(written)))
                self.end_headers()
                self.wfile.write(written)

            def log_message(self, *_: Any) -> None:
                pass

        def forwarded(path: str, query: Query) -> Refusal:
            try:
                with urllib.request.urlopen(f"{upstream}{path}?{urlencode(moved(query))}") as found:
                    return 200, json.dumps(changed(json.load(found)))
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read().decode()

        super().__init__(Handler)
        self.url += prefix
