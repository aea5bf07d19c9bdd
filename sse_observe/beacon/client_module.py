"""
The client module over HTTP: revalidated by default, kept for ever by its version.

Sends the small one, which the build makes, and from a source tree the one that people read.
"""

import gzip
import hashlib
from importlib.resources import files

from sse_observe.asgi import Header, Scope, Send, answer, header
from sse_observe.registry import package_version

NAME = "sse-observe.js"
_SMALL = "sse-observe.min.js"
_YEAR = b"public, max-age=31536000, immutable"


class Module:
    """The module, ready to be sent in both encodings."""

    def __init__(self) -> None:
        folder = files("sse_observe").joinpath("client")
        small = folder.joinpath(_SMALL)
        self._plain = (small if small.is_file() else folder.joinpath(NAME)).read_bytes()
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
