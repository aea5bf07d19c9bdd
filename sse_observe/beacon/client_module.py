"""
The client module over HTTP: revalidated by default, kept for ever by its version.

Sends the file of the package without its comments and indentation, which are for people.
"""

import gzip
import hashlib
from collections.abc import Iterator
from importlib.resources import files

from sse_observe.asgi import Header, Scope, Send, answer, header
from sse_observe.registry import package_version

NAME = "sse-observe.js"
_YEAR = b"public, max-age=31536000, immutable"


class Module:
    """The module, ready to be sent in both encodings."""

    def __init__(self) -> None:
        source = files("sse_observe").joinpath("client", NAME).read_text(encoding="utf-8")
        self._plain = "".join(f"{line}\n" for line in without_comments(source)).encode()
        self._packed = gzip.compress(self._plain, mtime=0)
        self._etag = b'"%s"' % hashlib.sha256(self._plain).hexdigest()[:32].encode()
        self._version = b"v=" + package_version().encode()

    async def serve(self, scope: Scope, send: Send) -> None:
        """Answer a GET or HEAD of the module."""
        if scope["method"] not in ("GET", "HEAD"):
            await answer(send, 405, b"", (b"allow", b"GET, HEAD"))
            return
        known = self._version in scope.get("query_string", b"").split(b"&")
        common = (
            (b"etag", self._etag),
            (b"cache-control", _YEAR if known else b"no-cache"),
            (b"vary", b"Accept-Encoding"),
            # A module is public; a web page of another origin may import it.
            (b"access-control-allow-origin", b"*"),
        )
        asked = header(scope["headers"], b"if-none-match") or b""
        if self._etag in asked:
            await answer(send, 304, b"", *common)
            return
        kind = (
            (b"content-type", b"text/javascript; charset=utf-8"),
            (b"x-content-type-options", b"nosniff"),
        )
        body = self._plain
        packed: tuple[Header, ...] = ()
        if b"gzip" in (header(scope["headers"], b"accept-encoding") or b""):
            body, packed = self._packed, ((b"content-encoding", b"gzip"),)
        is_head = scope["method"] == "HEAD"
        await answer(send, 200, body, *kind, *packed, *common, head=is_head)


def without_comments(source: str) -> Iterator[str]:
    """
    Yield the lines of code, unindented.

    Comments stand on lines of their own there and no string goes over a line end; a test runs
    the client's whole suite against what this leaves.
    """
    commenting = False
    for line in map(str.strip, source.splitlines()):
        commenting = commenting or line.startswith("/*")
        if line and not commenting and not line.startswith("//"):
            yield line
        commenting = commenting and not line.endswith("*/")
