"""An HTTP API made of documents: what a program answers, without the program."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.report_source import Served


class JSONAPI(Served):
    """
    Answers GET with the document of a path, query included; bytes as they are; else 404.

    Every path is `signed` with what it was signed in by; `refuses` is one that wants more.
    """

    def __init__(self, documents: dict[str, Any], *, refuses: str = "") -> None:
        self.documents = documents
        self.signed: list[tuple[str, str | None]] = []
        signed = self.signed

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                signed.append((self.path, self.headers.get("authorization")))
                found = documents.get(self.path)
                body = found if isinstance(found, bytes) else json.dumps(found).encode()
                status = 404 if found is None else 200
                self.send_response(401 if self.path == refuses else status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: Any) -> None:
                """Keep the terminal clean."""

        super().__init__(Handler)
