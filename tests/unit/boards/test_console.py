"""The pages of a Prometheus: found where it has them, and never with a secret elsewhere."""

from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sse_observe.boards.console import Console, find_console
from sse_observe.report.window import Window
from tests.support.report_source import Served


def server(**pages: str) -> tuple[Served, list[dict[str, str]]]:
    """Return a server with these pages: 200, or where a redirect leads; and what was asked."""
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(dict(self.headers))
            found = pages.get(self.path.strip("/").replace("/", "_"), "404")
            self.send_response(int(found) if found.isdigit() else 302)
            if not found.isdigit():
                self.send_header("Location", found)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    return Served(Handler), asked


def test_pages_are_found_where_they_are() -> None:
    """Upstream has /graph; Debian leads on from it, and has its alerts under /classic alone."""
    upstream, _ = server(graph="200", alerts="200")
    debian, _ = server(graph="/classic/graph?", classic_graph="200", classic_alerts="200")
    with upstream, debian:
        found = find_console(upstream.url), find_console(debian.url)

    assert found[0] == Console(f"{upstream.url}/graph", f"{upstream.url}/alerts")
    assert found[1] == Console(f"{debian.url}/classic/graph", f"{debian.url}/classic/alerts")


def test_without_pages_there_is_no_link() -> None:
    """Mimir has none; what does not answer, and what is no address, has none either."""
    nothing, _ = server()
    with nothing:
        assert find_console(nothing.url) == Console()
    assert find_console("http://127.0.0.1:1") == find_console("") == Console()
    assert Console().query(["up"], Window(0, 60, 1)) == ""


def test_a_redirect_to_what_is_no_address_is_no_page() -> None:
    """Boards open all the same."""
    proxy, _ = server(graph="http://[half", alerts="//[::1")
    with proxy:
        assert find_console(proxy.url) == Console()


def test_a_login_elsewhere_gets_no_header() -> None:
    """A redirect to another host is no page of ours, and is not followed."""
    login, asked = server()
    with login:
        proxy, _ = server(graph=f"{login.url}/login", alerts=f"{login.url}/login")
        with proxy:
            assert find_console(proxy.url, {"Authorization": "Bearer s"}) == Console()

    assert asked == []


def test_every_query_of_a_panel_is_drawn_over_its_window() -> None:
    """Whoever follows the link sees the same, and can change it."""
    link = Console("http://p/graph").query(["sum(a)", 'b{c="&"}'], Window(0, 3600, 30))

    given = parse_qs(urlsplit(link).query)
    assert given["g0.expr"] == ["sum(a)"]
    assert given["g1.expr"] == ['b{c="&"}']
    assert given["g1.range_input"] == ["1h"]
