"""Web pages in memory, as a browser gets them."""

import pytest

from sse_observe.lab.web_pages import WebPages, web_page
from tests.support.asgi import drive, http_scope

PAGES = WebPages()
PAGES.add({"/a": "<p>ä", "/b.json": "{}"})


@pytest.mark.parametrize(
    ("method", "path", "status", "kind", "body"),
    [
        ("GET", "/a", 200, b"text/html; charset=utf-8", "<p>ä".encode()),
        ("HEAD", "/a", 200, b"text/html; charset=utf-8", b""),
        ("GET", "/b.json", 200, b"application/json; charset=utf-8", b"{}"),
    ],
)
def test_a_page_is_answered_with_its_kind_and_its_length(
    method: str, path: str, status: int, kind: bytes, body: bytes
) -> None:
    """HEAD says everything about a page but the page."""
    begin, end = drive(PAGES, http_scope(path, method=method))
    headers = dict(begin["headers"])

    assert (begin["status"], headers[b"content-type"], end["body"]) == (status, kind, body)
    assert int(headers[b"content-length"]) == len(body or "<p>ä".encode())


def test_any_other_path_is_not_found() -> None:
    """A link that leads nowhere says so in a page, and in its status."""
    begin, end = drive(PAGES, http_scope("/nothing"))

    assert begin["status"] == 404
    assert b"Not found" in end["body"]


def test_a_title_is_text_and_a_body_is_html() -> None:
    """A dashboard may be called anything."""
    page = web_page("a <b>", "<h1>c</h1>")

    assert "<title>a &lt;b&gt;</title>" in page
    assert "<h1>c</h1>" in page
