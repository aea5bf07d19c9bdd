"""
A Prometheus API somewhere: asked with headers, patience and a bound on what it may answer.

Knows HTTP and its failures, each as one line with its remedy; knows no query.
"""

import base64
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote, urlencode, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec

from sse_observe.errors import ReportError
from sse_observe.report.query.answer import Answer, AnswerError, read
from sse_observe.report.query.window import Window

PATIENCE_SECONDS = 20.0
"""How long one query may take."""

# 50 series of 300 points are half a megabyte.
MOST_BYTES = 16 << 20
_CHUNK = 1 << 16
# Said by a query limit or by a proxy: a moment later the same question may be answered.
_BUSY = (429, 502, 503, 504)
_PAUSE_SECONDS = 1.0
# What was refused later than this was tried: it would take as long again.
_AT_ONCE_SECONDS = 5.0
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

    `headers`, and a name and password in `url`, are sent with each request and shown nowhere.
    Safe to ask from several threads.
    """

    def __init__(
        self,
        url: str,
        headers: Iterable[str] = (),
        *,
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.url, own = _address(url)
        self._headers = _headers([*own, *headers])
        self._patience = patience
        self._clock = clock
        self._pause = pause
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
        # VictoriaMetrics would move start and end for the sake of its cache; others ignore it.
        query = urlencode({**parameters, "timeout": given_up, "nocache": 1})
        request = Request(f"{self.url}/api/v1/{path}?{query}", headers=self._headers)
        try:
            return read(self._twice(request))
        except HTTPError as error:
            with error:
                raise ReportError(self._refused(error, path)) from None
        except AnswerError as error:
            raise ReportError(f"{self.url}: {_short(str(error))}") from None
        except (OSError, HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise UnansweredError(f"{self.url}: {self._away(reason)}") from None

    def _twice(self, request: Request) -> bytes:
        """Fetch; once more where somebody was only busy."""
        begun = self._clock()
        try:
            return self._fetch(request)
        except HTTPError as error:
            if error.code not in _BUSY or self._clock() - begun > _AT_ONCE_SECONDS:
                raise
            error.close()
        self._pause(_PAUSE_SECONDS)
        return self._fetch(request)

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
        words = _short(_words(error))
        if "org id" in words.lower():
            # Mimir's and Cortex' word for a tenant.
            return f"{self.url}: answers {code}: {words}; add --header 'X-Scope-OrgID: …'"
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
        remedy = "; try again in a minute" if code in _BUSY else ""
        return f"{self.url}: answers {code}: {words or 'without a reason'}{remedy}"

    def _away(self, reason: object) -> str:
        if isinstance(reason, TimeoutError):
            return f"no answer within {self._patience:g} s; is it overloaded, or the network slow?"
        if isinstance(reason, socket.gaierror):
            return "no such host; check --prometheus"
        if isinstance(reason, ssl.SSLError):
            why = getattr(reason, "verify_message", "") or reason.reason or str(reason)
            return (
                f"TLS: {_short(why)}; check --prometheus, or let SSL_CERT_FILE name your authority"
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


def _address(url: str) -> tuple[str, list[str]]:
    """Return an address that can be shown, and the header that its name and password stand for."""
    parts = _parts(url)
    if parts is None:
        # Whatever stands before an @ may be a password.
        shown = re.sub(r".*@", "…@", _short(url))
        raise ReportError(
            f"--prometheus {shown}: no web address; write it like http://localhost:9090"
        )
    if any(not char.isprintable() or char.isspace() for char in url) or not url.isascii():
        raise ReportError("--prometheus: the address holds blanks or letters beyond ASCII")
    own = []
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        own.append(f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
    path = re.sub(r"/+(api/v1/?)?$", "", parts.path)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, "", "")), own


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if sound else None


def _headers(texts: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in map(_header, texts):
        if name.lower() in map(str.lower, found):
            raise ReportError(
                f"--header {name}: given twice, or beside a name in the address; leave one out"
            )
        found[name] = value
    return found


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    value = value.strip()
    if not colon or not _NAME.fullmatch(name) or not value:
        # The value may be a token: it is not repeated.
        raise ReportError("--header: write it like 'Authorization: Bearer …'")
    if not all(" " <= char <= "~" for char in value):
        raise ReportError(f"--header {name}: its value holds characters that no header may hold")
    return name, value
