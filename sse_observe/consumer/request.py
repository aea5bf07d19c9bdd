"""
One request as it is sent: checked, its URL fit to be shown, and where a redirect leads it.

Knows HTTP's rules for requests; opens no connection.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote_plus, urlencode, urljoin, urlsplit, urlunsplit

from sse_observe.errors import SettingsError
from sse_observe.shown_url import shown_url

SAFE_METHODS = frozenset({"GET", "HEAD"})
"""Methods whose request may be sent again without being asked to: it changes nothing."""

ASKING = {
    "Accept": "text/event-stream",
    "Accept-Encoding": "identity",
    "Cache-Control": "no-store",
}
CURSOR = "Last-Event-ID"
_ABOUT_A_BODY = {"content-type", "content-length", "content-encoding", "transfer-encoding"}
_REDIRECTS = {301, 302, 303, 307, 308}
_KEEP_METHOD = {307, 308}
_PORTS = {"http": 80, "https": 443}
_UNSENDABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]").search


@dataclass(frozen=True, slots=True)
class Request:
    """
    One request; `foreign` after a redirect to another origin, which gets nothing of the caller's.

    `url` is absolute, `method` in capitals; `headers` are all that is sent; `body` is sent whole.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    foreign: bool = False

    @property
    def is_safe(self) -> bool:
        """Whether it may be sent again by itself."""
        return self.method in SAFE_METHODS

    def with_headers(self, headers: Mapping[str, str]) -> "Request":
        """Return it with `headers` in place of those of the same names, whatever their case."""
        return replace(self, headers=merged(self.headers, headers))

    def at(self, url: str) -> "Request":
        """Return the same request at another `url` of the same caller."""
        return replace(self, url=url)

    def as_get(self, url: str) -> "Request":
        """Return the request that asks by GET at a `url` of the same caller, without the body."""
        kept = {k: v for k, v in self.headers.items() if k.lower() not in _ABOUT_A_BODY}
        return replace(self, url=url, method="GET", headers=kept, body=None)


def new_request(
    url: str,
    method: str | None,
    headers: Mapping[str, str],
    body: object,
    content: bytes | str | None,
) -> Request:
    """Return the request that a caller describes; SettingsError for what no server could take."""
    check_url(url)
    if body is not None and content is not None:
        raise SettingsError("resume_stream: json and content are both given; give one of them")
    sent, kind = content, {}
    if body is not None:
        kind = {"Content-Type": "application/json"}
        try:
            sent = json.dumps(body, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise SettingsError(f"resume_stream: json is none ({error})") from None
    if isinstance(sent, str):
        sent = sent.encode()
    elif sent is not None and not isinstance(sent, bytes):
        raise SettingsError("resume_stream: content is wrong; give bytes or text")
    method = ("GET" if sent is None else "POST") if method is None else method
    if not (isinstance(method, str) and method.isascii() and method.isalpha()):
        raise SettingsError(f"resume_stream: method={method!r} is no method; give GET or POST")
    for name, value in headers.items():
        check_header(name, value)
    every = merged(merged(ASKING, kind), headers)
    return Request(url, method.upper(), every, sent)


def check_header(name: str, value: object) -> None:
    """Raise SettingsError for a header that cannot be sent; its value may be a secret."""
    if not (isinstance(value, str) and is_sendable(value) and isinstance(name, str) and name):
        raise SettingsError(
            f"resume_stream: header {name!r} is wrong; give one line of text without "
            "control characters"
        )


def is_sendable(value: str) -> bool:
    """Tell whether a text may stand in a header, which is sent as UTF-8."""
    return _UNSENDABLE(value) is None


def check_url(url: str) -> None:
    """Raise SettingsError, which never shows what may be secret, for a URL that nobody can ask."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in _PORTS and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        known = False
    if not known:
        raise SettingsError(f"{place(url)}: is no URL to ask; begin it with http:// or https://")


def place(url: str) -> str:
    """Return a URL for messages, without its query: its names may be nobody's business either."""
    return shown_url(url).partition("?")[0]


def with_query(url: str, **fields: str) -> str:
    """Return the URL with these fields in its query; what else stands there stays as it is."""
    parts = urlsplit(url)
    pairs = (pair for pair in parts.query.split("&") if pair)
    kept = [pair for pair in pairs if unquote_plus(pair.partition("=")[0]) not in fields]
    return urlunsplit(parts._replace(query="&".join([*kept, urlencode(fields)])))


def redirected(request: Request, status: int, location: str | None) -> Request | None:
    """
    Return the request to which an answer redirects; None where it is no redirect.

    Raises ValueError, with the reason, for one that must not be followed.
    """
    if status not in _REDIRECTS or not location:
        return None
    try:
        url = urljoin(request.url, location)
        check_url(url)
    except (SettingsError, ValueError):
        raise ValueError("redirects to what is no http URL") from None
    following = replace(request, url=url)
    if not request.is_safe and status not in _KEEP_METHOD:
        following = request.as_get(url)
    if is_same_origin(request.url, url):
        return following
    if following.body is not None:
        raise ValueError(f"redirects a body to another origin, {place(url)}; ask there yourself")
    cursor = {k: v for k, v in following.headers.items() if k == CURSOR}
    return replace(following, headers={**ASKING, **cursor}, foreign=True)


def is_same_origin(old: str, new: str) -> bool:
    """Tell whether a URL is of the same origin, or of the same host over TLS instead."""
    before, after = _origin(old), _origin(new)
    upgraded = ("http", before[1], 80) == before and ("https", before[1], 443) == after
    return before == after or upgraded


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]


def merged(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Return headers, those of `new` in place of those of the same names, whatever their case."""
    taken = {name.lower() for name in new}
    return {**{name: value for name, value in old.items() if name.lower() not in taken}, **new}
