"""
A Prometheus API somewhere: asked with headers, a time limit and a bound on what it may answer.

Knows HTTP and its failures, each as one line with its remedy; knows no query.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, build_opener

import msgspec

from sse_observe.errors import ReportError
from sse_observe.report.query.address import NoRedirect, api_address, one_line
from sse_observe.report.query.answer import Answer, AnswerError, read_answer
from sse_observe.report.window import Window

TIMEOUT_SECONDS = 20.0
"""How long one query may take."""

# 50 series of 300 points are half a megabyte.
MOST_BYTES = 16 << 20
_CHUNK = 1 << 16
# Sent by a query limit or by a proxy: a second later the same query may be answered.
_BUSY = (429, 502, 503, 504)
_RETRY_SECONDS = 1.0
# A refusal that took longer than this was a query that was tried: it would take as long again.
_QUICK_SECONDS = 5.0


class UnansweredError(ReportError):
    """A query got no answer at all: too slow, refused, or cut off."""


class Source:
    """
    The API under `url`; every failure is a ReportError that names the address and the remedy.

    `headers`, and a name and password in `url`, are sent with each request and shown nowhere.
    Safe to ask from several threads.
    """

    def __init__(
        self,
        url: str,
        headers: Iterable[str] = (),
        *,
        timeout: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        address = api_address("--prometheus", url, headers)
        self.url = address.shown
        self.headers = address.headers
        self._timeout = timeout
        self._clock = clock
        self._sleep = sleep
        self._opener = build_opener(NoRedirect)

    def over(self, expr: str, window: Window) -> Answer:
        """Ask for series over a window."""
        return self._ask(
            "query_range",
            {"query": expr, "start": window.start, "end": window.end, "step": window.step},
        )

    def at(self, expr: str, at: float) -> Answer:
        """Ask for the values at a Unix time."""
        return self._ask("query", {"query": expr, "time": at})

    def _ask(self, path: str, parameters: dict[str, str | float]) -> Answer:
        timeout = f"{self._timeout:g}s"
        # VictoriaMetrics would move start and end for the sake of its cache; others ignore it.
        query = urlencode({**parameters, "timeout": timeout, "nocache": 1})
        request = Request(f"{self.url}/api/v1/{path}?{query}", headers=self.headers)
        try:
            return read_answer(self._fetch_again_if_busy(request))
        except HTTPError as error:
            with error:
                raise ReportError(f"{self.url}: {_refusal(error, path)}") from None
        except AnswerError as error:
            raise ReportError(f"{self.url}: {one_line(str(error))}") from None
        except (OSError, HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise UnansweredError(f"{self.url}: {self._failure(reason)}") from None

    def _fetch_again_if_busy(self, request: Request) -> bytes:
        """Fetch; once more where the server was only busy."""
        begun = self._clock()
        try:
            return self._fetch(request)
        except HTTPError as error:
            if error.code not in _BUSY or self._clock() - begun > _QUICK_SECONDS:
                raise
            error.close()
        self._sleep(_RETRY_SECONDS)
        return self._fetch(request)

    def _fetch(self, request: Request) -> bytes:
        end = self._clock() + self._timeout
        body = bytearray()
        with self._opener.open(request, timeout=self._timeout) as answer:
            while chunk := answer.read1(_CHUNK):
                body += chunk
                if len(body) > MOST_BYTES:
                    raise AnswerError(
                        f"the answer is over {MOST_BYTES >> 20} MiB; "
                        "choose a shorter window or a --route"
                    )
                # A timeout of the socket alone would let a byte a second go on for ever.
                if self._clock() > end:
                    raise TimeoutError
        return bytes(body)

    def _failure(self, reason: object) -> str:
        """Say why there was no answer, and what to do."""
        if isinstance(reason, TimeoutError):
            return f"no answer within {self._timeout:g} s; is it overloaded, or the network slow?"
        if isinstance(reason, socket.gaierror):
            return "no such host; check --prometheus"
        if isinstance(reason, ssl.SSLError):
            why = getattr(reason, "verify_message", "") or reason.reason or str(reason)
            return (
                f"TLS: {one_line(why)}; check --prometheus, or set SSL_CERT_FILE to the file "
                "of your certificate authority"
            )
        if isinstance(reason, ConnectionRefusedError):
            return "connection refused; is it running, and is the port right?"
        return f"connection lost ({one_line(str(reason)) or type(reason).__name__}); try again"


def _refusal(error: HTTPError, path: str) -> str:
    """Say what an error status means, and what to do."""
    code = error.code
    words = one_line(_error_text(error))
    if "org id" in words.lower():
        # Mimir's and Cortex' word for a tenant.
        return f"answers {code}: {words}; add --header 'X-Scope-OrgID: …'"
    if code in (401, 403):
        return f"answers {code}: it wants credentials; add --header 'Authorization: Bearer …'"
    if 300 <= code < 400:
        return (
            f"answers {code}, a redirect; give the final address, "
            "or, if it leads to a login page, --header 'Authorization: Bearer …'"
        )
    if code == 404:
        return (
            f"answers 404 to /api/v1/{path}; give --prometheus the address before /api/v1; "
            "Mimir's ends with /prometheus"
        )
    remedy = "; try again in a minute" if code in _BUSY else ""
    return f"answers {code}: {words or 'without a reason'}{remedy}"


def _error_text(error: HTTPError) -> str:
    """Return the text of an error status: Prometheus' own sentence, or the start of the body."""
    try:
        body = error.read(4096)
        found = msgspec.json.decode(body, type=dict[str, object])
        return str(found.get("error", ""))
    except (OSError, HTTPException):
        return ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode(errors="replace")
