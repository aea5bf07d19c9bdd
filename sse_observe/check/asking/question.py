"""
A request as it is put: method, URL, headers, body; and how it may be shown to others.

Knows no connection. What a user gave as header, password, query value or body is a secret.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urljoin, urlsplit, urlunsplit

from sse_observe.check.asking.failures import AskError
from sse_observe.shown_url import shown_url

Header = tuple[str, str]

_METHOD = re.compile(r"[A-Z]{1,20}").fullmatch
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*").fullmatch
_MASK = "…"
_SHORTEST_SECRET = 4
_SHORTEST_WORD = 8
_STRING = re.compile(r'"((?:[^"\\]|\\.){8,400})"')
_HARMLESS = re.compile(
    r"(?i)accept.*|content-.*|origin|user-agent|referer|cache-control|connection|last-event-id"
    r"|access-control-.*|mcp-protocol-version|host"
).fullmatch
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They may be sent again without asking."""


class Origin(NamedTuple):
    """A scheme, a host and a port: where a connection leads."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """Return it as it stands in a URL, the usual port left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme] == self.port
        return host if usual else f"{host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Question:
    """One request; `headers` are those that its user gave, and go nowhere but to its origin."""

    url: str
    method: str = "GET"
    headers: tuple[Header, ...] = ()
    body: bytes = b""

    def __post_init__(self) -> None:
        """Refuse what no server could answer, in one line."""
        _ = self.origin
        if not _METHOD(self.method):
            raise AskError("url", f"--method {self.method}: is no method; give GET or POST")

    @cached_property
    def origin(self) -> Origin:
        """Where it is sent."""
        try:
            parts = urlsplit(self.url)
            port = parts.port
        except ValueError:
            # The error's own words would repeat what may be a password.
            raise AskError("url", f"{self.shown}: is no URL; look at its host and port") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise AskError(
                "url", f"{self.shown}: is no URL to ask; begin it with http:// or https://"
            )
        if any(char <= " " or char == "\x7f" for char in self.url):
            raise AskError("url", f"{self.shown}: a URL holds no space and no line end")
        try:
            host = parts.hostname.encode("idna").decode() if ":" not in parts.hostname else ""
        except UnicodeError:
            raise AskError("url", f"{self.shown}: the host is no name; check it") from None
        return Origin(
            parts.scheme,
            host or parts.hostname,
            port if port is not None else {"http": 80, "https": 443}[parts.scheme],
        )

    @property
    def target(self) -> str:
        """The path and query that are asked for."""
        parts = urlsplit(self.url)
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
        return f"{path}?{query}" if query else path

    @property
    def sent_headers(self) -> list[Header]:
        """The headers that are sent beside those of HTTP itself; a password becomes one."""
        parts = urlsplit(self.url)
        found = list(self.headers)
        if parts.username is not None and not self.has("authorization"):
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            found.append(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"))
        return found

    def has(self, name: str) -> bool:
        """Whether its user gave a header of this name."""
        return any(key.lower() == name for key, _ in self.headers)

    @property
    def is_safe(self) -> bool:
        """Whether it may be repeated without being told."""
        return self.method in SAFE_METHODS

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        """Return it with these headers, in place of those of the same names."""
        names = {name.lower() for name in headers}
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in names)
        return replace(self, headers=(*kept, *headers.items()))

    def with_query(self, fields: Mapping[str, str]) -> Self:
        """Return it with these fields in its query, in place of what they were."""
        parts = urlsplit(self.url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        kept = [pair for pair in pairs if pair[0] not in fields]
        query = urlencode([*kept, *fields.items()])
        return replace(self, url=urlunsplit(parts._replace(query=query)))

    def redirected(self, status: int, location: str) -> Self:
        """Return what a client asks next; what was given for one origin stays with it."""
        try:
            target = urljoin(self.url, location)
        except ValueError:
            # Half an IPv6 address; the origin says so.
            target = location
        method, body = self.method, self.body
        if status == 303 or (status in (301, 302) and method == "POST"):
            method, body = "GET", b""
        moved = replace(self, url=target, method=method, body=body)
        return moved if moved.origin == self.origin else replace(moved, headers=())

    @property
    def shown(self) -> str:
        """Its URL without what may be a secret."""
        return shown_url(self.url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts of it that stand in no output."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return ()
        found = [parts.username or "", parts.password or "", parts.netloc.rpartition("@")[0]]
        for name, value in self.sent_headers:
            if not _HARMLESS(name):
                # `Bearer abc`: its last word is the secret as well.
                found += [value, value.rpartition(" ")[2]]
        # Short values of a query, or words of a body, would mask half of an innocent page.
        words = [value for _, value in parse_qsl(parts.query)]
        words += _STRING.findall(self.body.decode(errors="replace"))
        found += [word for word in words if len(word) >= _SHORTEST_WORD]
        return tuple({text for text in found if len(text) >= _SHORTEST_SECRET})


def header(text: str) -> Header:
    """Return a header given as `Name: value`; AskError where it is none."""
    name, colon, value = text.partition(":")
    value = value.strip()
    if not colon or not _NAME(name.strip()) or not _VALUE(value):
        raise AskError("url", f"--header {name[:40]!r}: is no header; write 'Name: value'")
    return name.strip(), value
