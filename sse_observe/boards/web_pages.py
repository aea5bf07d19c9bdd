"""
Web pages for this machine's own browser: their HTML, their headers, and who may have them.

A page is given to whoever asked for an address on loopback by that name: a web site that makes its
own name mean 127.0.0.1 gets nothing.
"""

import ipaddress
from html import escape
from string import Template
from urllib.parse import urlsplit

from sse_observe.asgi import Header, Receive, Scope, Send, answer, header

_DOCUMENT = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="icon" href="data:,">
$head
</head>
<body>
$body
</body>
</html>
""")
_STYLES = "\n".join(
    f'<link rel="stylesheet" href="/boards/{name}.css">' for name in ("theme", "page")
)
_KINDS = {
    ".json": b"application/json",
    ".js": b"text/javascript",
    ".css": b"text/css",
}
# Styles may stand in a page: plotly writes its own into it. Scripts may not.
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    b"frame-ancestors 'none'"
)
_HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", _POLICY),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


def web_page(title: str, body: str, head: str = _STYLES) -> str:
    """Return a whole HTML document; `title` is text, the rest HTML that the caller vouches for."""
    return _DOCUMENT.substitute(title=escape(title), head=head, body=body)


def text_page(title: str, body: str) -> str:
    """Return a document that is one text, in the style of all such pages."""
    return web_page(title, f"<main>\n{body}\n</main>")


def not_found() -> str:
    """Return the page for an address that leads nowhere."""
    return text_page("Not found", "<h1>Not found</h1>")


async def send_page(
    scope: Scope, send: Send, text: str | bytes, *headers: Header, status: int = 200
) -> None:
    """Answer GET and HEAD with a text; its kind follows from the end of the path."""
    if scope["method"] not in ("GET", "HEAD"):
        await answer(send, 405, b"", (b"allow", b"GET, HEAD"))
        return
    end = scope["path"][scope["path"].rfind(".") :] if "." in scope["path"] else ""
    kind = _KINDS.get(end if status == 200 else "", b"text/html") + b"; charset=utf-8"
    body = text.encode() if isinstance(text, str) else text
    head = scope["method"] == "HEAD"
    await answer(send, status, body, (b"content-type", kind), *_HEADERS, *headers, head=head)


def is_local(scope: Scope) -> bool:
    """Whether a request names this machine as loopback does: `localhost`, 127.0.0.1 or [::1]."""
    named = header(scope["headers"], b"host")
    if named is None or len(named) > 300:
        return False
    try:
        host = urlsplit(f"//{named.decode('ascii')}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def refuse(send: Send) -> None:
    """Answer a request that was meant for another name."""
    words = b"This address is for this machine alone: open it as 127.0.0.1 or localhost.\n"
    await answer(send, 421, words, (b"content-type", b"text/plain; charset=utf-8"))


async def nothing_here(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer that an address leads nowhere; an ASGI application."""
    await send_page(scope, send, not_found(), status=404)
