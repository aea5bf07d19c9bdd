"""
A Prometheus API somewhere: asked with headers, patience and a bound on what it may answer.

Knows HTTP and its failures, each as one line with its remedy; knows no query.
"""

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec

from sse_observe.errors import ReportError
from sse_observe.report.answer import Answer, AnswerError, read
from sse_observe.report.window import Window

PATIENCE_SECONDS = 20.0
"""How long one query may take."""

# 50 series of 300 points are half a megabyte.
MOST_BYTES = 16 << 20
_CHUNK = 1 << 16
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class UnansweredError(ReportError):
    """A query got no answer at all: too slow, refused, or cut off."""


class _NoRedirect(HTTPRedirectHandler):
    """Follows nothing: urllib would carry a token on to wherever it is sent."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Return no request: the answer is the redirection itself."""


class Source:
    """
    The API under `url`; every fault is a ReportError that names the address and the remedy.

    `headers` are sent with each request, and shown nowhere. Safe to ask from several threads.
    """

    def __init__(
        self,
        url: str,
        headers: Iterable[str] = (),
        *,
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = _address(url)
        self._headers = dict(_header(text) for text in headers)
        self._patience = patience
        self._clock = clock
        self._opener = build_opener(_NoRedirect)

    def over(self, expr: str, window: Window) -> Answer:
        """Ask for series over a window."""
        return self._ask(
            "query_range",
            {"query": expr, "start": window.start, "end": window.end, "step": window.step},
        )

    def at(self, expr: str, moment: float) -> Answer:
        """Ask for the values at a moment."""
        return self._ask("query", {"query": expr, "time": moment})

    def _ask(self, path: str, parameters: dict[str, str | float]) -> Answer:
        given_up = f"{self._patience:g}s"
        query = urlencode({**parameters, "timeout": given_up})
        request = Request(f"{self.url}/api/v1/{path}?{query}", headers=self._headers)
        try:
            return read(self._fetch(request))
        except HTTPError as error:
            with error:
                raise ReportError(self._refused(error, path)) from None
        except AnswerError as error:
            raise ReportError(f"{self.url}: {_short(str(error))}") from None
        except (OSError, HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise UnansweredError(f"{self.url}: {self._away(reason)}") from None

    def _fetch(self, request: Request) -> bytes:
        end = self._clock() + self._patience
        body = bytearray()
        with self._opener.open(request, timeout=self._patience) as answer:
            while chunk := answer.read1(_CHUNK):
                body += chunk
                if len(body) > MOST_BYTES:
                    raise AnswerError(f"an answer over {MOST_BYTES >> 20} MiB; narrow the report")
                # A timeout of the socket alone would let a byte a second go on for ever.
                if self._clock() > end:
                    raise TimeoutError
        return bytes(body)

    def _refused(self, error: HTTPError, path: str) -> str:
        code = error.code
        if code in (401, 403):
            return (
                f"{self.url}: answers {code}: it wants to know who asks; "
                "add --header 'Authorization: Bearer …'"
            )
        if 300 <= code < 400:
            return (
                f"{self.url}: answers {code}, which leads elsewhere; give the final address, "
                "or, if it is a login page, --header 'Authorization: Bearer …'"
            )
        if code == 404:
            return (
                f"{self.url}: answers 404 to /api/v1/{path}; --prometheus takes the address "
                "before /api/v1, for Mimir with /prometheus at its end"
            )
        return f"{self.url}: answers {code}: {_short(_words(error)) or 'without a reason'}"

    def _away(self, reason: object) -> str:
        if isinstance(reason, TimeoutError):
            return f"no answer within {self._patience:g} s; is it overloaded, or the network slow?"
        if isinstance(reason, socket.gaierror):
            return "no such host; check --prometheus"
        if isinstance(reason, ssl.SSLError):
            return (
                f"TLS: {_short(str(reason.reason or reason))}; check --prometheus, "
                "or let SSL_CERT_FILE name your authority"
            )
        if isinstance(reason, ConnectionRefusedError):
            return "nobody answers there (connection refused); is it running, is the port right?"
        return f"cut off ({_short(str(reason)) or type(reason).__name__}); try again"


def _words(error: HTTPError) -> str:
    """Return what an answer that refuses says: Prometheus' own sentence, or the page's start."""
    try:
        body = error.read(4096)
        found = msgspec.json.decode(body, type=dict[str, object])
        return str(found.get("error", ""))
    except (OSError, HTTPException):
        return ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body.decode(errors="replace")


def _short(text: str) -> str:
    """Make one printable line of at most 200 characters."""
    words = " ".join(text.split())
    line = "".join(char if char.isprintable() else repr(char)[1:-1] for char in words)
    return line if len(line) <= 200 else f"{line[:199]}…"


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        port_is_sound = parts.port is None or parts.port
    except ValueError:
        port_is_sound = False
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_sound:
        raise ReportError(
            f"--prometheus {_short(url)}: no web address; write it like http://localhost:9090"
        )
    if parts.username or parts.password:
        # The address stands in the report; whoever is in it would be handed on.
        raise ReportError(
            "--prometheus: no name or password in the address; "
            "add --header 'Authorization: Basic …' instead"
        )
    if any(not char.isprintable() or char.isspace() for char in url) or not url.isascii():
        raise ReportError("--prometheus: the address holds blanks or letters beyond ASCII")
    path = re.sub(r"/+(api/v1/?)?$", "", parts.path)
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    value = value.strip()
    if not colon or not _NAME.fullmatch(name) or not value:
        # The value may be a token: it is not repeated.
        raise ReportError("--header: write it like 'Authorization: Bearer …'")
    if not all(" " <= char <= "~" for char in value):
        raise ReportError(f"--header {name}: its value holds characters that no header may hold")
    return name, value
