"""Web pages as a browser of this machine gets them."""

import pytest

from sse_observe.boards.web_pages import nothing_here, send_page, text_page, web_page
from tests.support.asgi import drive, http_scope


async def page(scope, receive, send):
    await send_page(scope, send, "<p>ä", (b"cache-control", b"no-cache"))


@pytest.mark.parametrize(
    ("method", "path", "kind", "body"),
    [
        ("GET", "/a", b"text/html; charset=utf-8", "<p>ä".encode()),
        ("GET", "/a.md", b"text/html; charset=utf-8", "<p>ä".encode()),
        ("HEAD", "/a", b"text/html; charset=utf-8", b""),
        ("GET", "/b.json", b"application/json; charset=utf-8", "<p>ä".encode()),
        ("GET", "/b.js", b"text/javascript; charset=utf-8", "<p>ä".encode()),
    ],
)
def test_a_page_is_answered_with_its_kind_and_its_length(
    method: str, path: str, kind: bytes, body: bytes
) -> None:
    """HEAD says everything about a page but the page."""
    begin, end = drive(page, http_scope(path, method=method))
    headers = dict(begin["headers"])

    assert (begin["status"], headers[b"content-type"], end["body"]) == (200, kind, body)
    assert int(headers[b"content-length"]) == len("<p>ä".encode())


def test_any_other_path_is_not_found() -> None:
    """A link that leads nowhere says so in a page, and in its status."""
    begin, end = drive(nothing_here, http_scope("/nothing.json"))

    assert begin["status"] == 404
    assert dict(begin["headers"])[b"content-type"].startswith(b"text/html")
    assert b"Not found" in end["body"]


def test_a_title_is_text_and_a_body_is_html() -> None:
    """A dashboard may be called anything."""
    assert "<title>a &lt;b&gt;</title>" in web_page("a <b>", "<h1>c</h1>", "")
    assert "<main>\n<h1>c</h1>\n</main>" in text_page("a", "<h1>c</h1>")
