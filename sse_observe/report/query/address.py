"""
The address of an API as a user gives it: fit to be shown, with the headers that sign in there.

A name and a password in it are sent and shown nowhere; neither is a header's value.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler

from sse_observe.errors import ReportError
from sse_observe.shown_url import shown_url

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class APIAddress(NamedTuple):
    """An address that can be shown, and the headers that go with each request to it."""

    shown: str
    headers: Mapping[str, str]


class NoRedirect(HTTPRedirectHandler):
    """Follows nothing: urllib would send a token on to wherever it is redirected."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Return no request: the answer is the redirection itself."""


def api_address(option: str, url: str, headers: Iterable[str] = ()) -> APIAddress:
    """
    Return the address that an option names, with `headers` written as `Name: value`.

    ReportError, which repeats no credentials, for what is none.
    """
    parts = _split(url)
    if parts is None:
        raise ReportError(
            f"{option} {one_line(shown_url(url))}: not a web address; "
            "write it like http://localhost:9090"
        )
    if any(not char.isprintable() or char.isspace() for char in url) or not url.isascii():
        raise ReportError(
            f"{option}: the address holds spaces or letters beyond ASCII; percent-encode them"
        )
    own: tuple[str, ...] = ()
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        own = (f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}",)
    host = parts.netloc.rpartition("@")[2]
    path = re.sub(r"/+(api/v[12]/?)?$", "", parts.path)
    return APIAddress(urlunsplit((parts.scheme, host, path, "", "")), _headers([*own, *headers]))


def _split(url: str) -> SplitResult | None:
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
    if not colon or not _HEADER_NAME.fullmatch(name) or not value:
        # The value may be a token: it is not repeated.
        raise ReportError("--header: write it like 'Authorization: Bearer …'")
    if not all(" " <= char <= "~" for char in value):
        raise ReportError(
            f"--header {name}: its value holds characters that no header may hold; use plain ASCII"
        )
    return name, value


def one_line(text: str) -> str:
    """Make one printable line of at most 200 characters."""
    words = " ".join(text.split())
    line = "".join(char if char.isprintable() else repr(char)[1:-1] for char in words)
    return line if len(line) <= 200 else f"{line[:199]}…"
