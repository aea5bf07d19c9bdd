"""The boards over HTTP: for this machine's own browser, to look at and nothing else."""

import asyncio
import json
import re
from functools import cache

import pytest

from sse_observe.boards.app import BoardsApp
from sse_observe.boards.reader import BoardReader
from sse_observe.errors import ReportError
from tests.support.asgi import Exchange, drive, http_scope
from tests.unit.boards.conftest import CATALOG, SETTINGS

LOCAL = {"host": "127.0.0.1:8000"}
HEALTH = f"/d/{CATALOG.boards[0].uid}"


def missing() -> BoardReader:
    raise ReportError("no Prometheus here")


@cache
def lonely() -> BoardsApp:
    """Return the boards of a machine without a Prometheus."""
    return BoardsApp(CATALOG, SETTINGS, missing)


def asked(
    path: str, app: BoardsApp | None = None, **more: object
) -> tuple[int, dict[bytes, bytes], str]:
    """Return status, headers and text of one answer."""
    begin, end = drive(app or lonely(), http_scope(path, headers=LOCAL, **more))  # type: ignore[arg-type]
    return begin["status"], dict(begin["headers"]), end["body"].decode()


def test_every_link_of_a_page_opens() -> None:
    """Boards, runbooks, scripts and styles: what a page names is there."""
    status, _, page = asked(HEALTH)
    links = set(re.findall(r'(?:href|src)="(/[^"]*)"', page))

    assert status == 200
    assert len(links) > 9
    for link in links:
        path, _, query = link.partition("?")
        status, _, _ = asked(path, query=query)
        assert status == (307 if path == "/" else 200), link


def test_a_content_is_json_of_what_was_asked(reader: BoardReader) -> None:
    """Not HTML, whatever a label holds; and never kept."""
    app = BoardsApp(CATALOG, SETTINGS, lambda: reader)

    status, headers, text = asked(f"{HEALTH}/live.json", app, query="from=now-6h&var-route=/b")

    assert status == 200
    assert headers[b"content-type"].startswith(b"application/json")
    assert headers[b"cache-control"] == b"no-store"
    assert json.loads(text)["figures"]


@pytest.mark.parametrize(
    ("query", "words"), [("", "no Prometheus here"), ("from=now-1x", "write it like now-1h")]
)
def test_why_there_is_nothing_is_one_line(query: str, words: str, reader: BoardReader) -> None:
    """The page says it; the script has nothing to guess."""
    app = BoardsApp(CATALOG, SETTINGS, lambda: reader) if query else lonely()

    found = json.loads(asked(f"{HEALTH}/live.json", app, query=query)[2])

    assert words in found["problem"]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "", "10.0.0.1", "[::2]"]
)
def test_a_name_that_is_not_ours_gets_nothing(host: str) -> None:
    """A web site that makes its own name mean 127.0.0.1 cannot read a board."""
    for path in (HEALTH, f"{HEALTH}/live.json", "/runbooks/README.md", "/"):
        begin, end = drive(lonely(), http_scope(path, headers={"host": host}))
        assert begin["status"] == 421
        assert b"SSE" not in end["body"]


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:80", "LOCALHOST"])
def test_this_machine_by_any_of_its_names_is_answered(host: str) -> None:
    """A port that is forwarded has another number."""
    begin, _ = drive(lonely(), http_scope(HEALTH, headers={"host": host}))

    assert begin["status"] == 200


def test_nothing_can_be_changed_and_no_script_but_ours_runs() -> None:
    """Only reading is answered; the policy allows no script from elsewhere, and no frame."""
    for method in ("POST", "PUT", "DELETE"):
        assert asked(HEALTH, method=method)[0] == 405
    _, headers, _ = asked(HEALTH)
    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'none'; script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers[b"cross-origin-resource-policy"] == b"same-origin"
    assert headers[b"x-content-type-options"] == b"nosniff"


def test_a_script_of_this_version_is_kept_and_any_other_asked_again() -> None:
    """Plotly is five megabytes; after an upgrade the new one is loaded."""
    link = re.search(r'src="(/boards/plotly.js)\?(v=\w+)"', asked(HEALTH)[2])
    assert link is not None

    assert b"immutable" in asked(link[1], query=link[2])[1][b"cache-control"]
    assert asked(link[1], query="v=old")[1][b"cache-control"] == b"no-cache"


def test_what_is_not_there_says_so_and_sockets_are_refused() -> None:
    """Another path is 404; a websocket is closed; a server's life cycle is followed."""
    assert asked("/d/sse-nothing")[0] == asked("/d/sse-nothing/live.json")[0] == 404
    exchange = Exchange(lonely(), {"type": "websocket", "path": "/", "headers": []})
    asyncio.run(exchange.run())
    assert exchange.sent == [{"type": "websocket.close", "code": 1000}]
