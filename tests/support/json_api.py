"""An HTTP API made of documents: what a program answers, without the program."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.report_source import Served


class JSONAPI(Served):
    """Answers GET with the document of a path, query included; bytes as they are; else 404."""

    def __init__(self, documents: dict[str, Any]) -> None:
        self.documents = documents

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = documents.get(self.path)
                body = found if isinstance(found, bytes) else json.dumps(found).encode()
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: Any) -> None:
                """Keep the terminal clean."""

        super().__init__(Handler)
