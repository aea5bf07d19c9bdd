"""An open prober is no proxy for attackers: whatever a request names, nothing private is asked."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sse_observe.check.asking.question import Question
from sse_observe.probe import guard
from sse_observe.probe.guard import same_host, same_origin
from sse_observe.probe.prober import Prober
from tests.support.probing import FEED, Page, opened, probed, written
from tests.support.raw_answers import HEAD, LAST, answering, chunk

MODULES = {
    "feed": FEED,
    "secret": {**FEED, "headers": {"Authorization": "Bearer abc"}},
    "question": {"method": "POST", "budget": {"requests_per_day": 1}},
    "blind": {**FEED, "insecure": True},
}


class Canary:
    """A server of this machine that nobody may reach; counts who does."""

    def __init__(self) -> None:
        self.reached = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.reached += 1
            connection.close()


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Canary]:
    """Return a canary on a port that a stranger may name: its address alone protects it."""
    found = Canary()
    monkeypatch.setattr(guard, "OPEN_PORTS", frozenset({80, 443, found.port}))
    yield found
    found.socket.close()


SHAPES = (
    *("http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://LOCALHOST.:{port}/"),
    *("http://127.1:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/"),
    *("http://0177.0.0.1:{port}/", "http://0x7f.0.0.1:{port}/", "http://0:{port}/"),
    *("http://0.0.0.0:{port}/", "http://[::1]:{port}/", "http://[::]:{port}/"),
    *("http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/"),
    *("http://[64:ff9b::7f00:1]:{port}/", "http://[2002:7f00:1::]:{port}/"),
    *("http://127.0.0.1:{port}#@example.com/", "http://example.com@127.0.0.1:{port}/"),
    *("http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://192.168.0.1/"),
    *("http://[fd00::1]/", "http://[fe80::1%25lo]:{port}/", "http://①②⑦.⓪.⓪.①:{port}/"),
    *("http://127.0.0.1:{port}\\@example.com/", "http://127。0。0。1:{port}/"),
    *("http://127.0.0.1:22/", "http://example.com:6379/", "file:///etc/passwd", "gopher://a/"),
    *("http://exa mple.com/", "http://a\r\nHost: b/", "//127.0.0.1:{port}/", "127.0.0.1:{port}"),
    "http://example.com/" + "a" * 3000,
)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_of_a_url_reaches_this_machine(shape: str, canary: Canary, tmp_path: Path) -> None:
    """Refused before anything is sent, in one line, whatever the notation is."""
    path = written(tmp_path)
    page = probed(path, shape.format(port=canary.port), "feed", open_targets=True)

    refused = page.status in (400, 403, 414) and page.text.count("\n") == 1
    unasked = page.status == 200 and page.reasons()[0] in ("forbidden", "dns", "url")
    assert refused or unasked, page.text
    assert canary.reached == 0


def test_over_twenty_shapes_are_tried() -> None:
    """Each is a way by which a prober has been used against its own network."""
    assert len(SHAPES) >= 20


@pytest.mark.parametrize("module", ["secret", "question", "blind"])
def test_a_stranger_gets_no_credential_and_asks_nothing(module: str, tmp_path: Path) -> None:
    """A module with a header would send it to whoever is named."""
    path = written(tmp_path, modules=MODULES, state_file=str(tmp_path / "state"))
    page = probed(path, "http://example.com/", module, open_targets=True)

    assert page.status == 403
    assert "abc" not in page.text


def test_a_closed_prober_asks_nothing_but_its_targets(tmp_path: Path) -> None:
    """By their names or their URLs; with another module it is another question."""
    with answering(HEAD, chunk(b"data: a\n\n"), LAST) as server:
        targets = [{"name": "a", "url": server.url, "module": "feed"}]
        path = written(tmp_path, modules={"feed": FEED, "other": FEED}, targets=targets)
        pages = [
            probed(path, "a"),
            probed(path, server.url, "feed"),
            probed(path, f"{server.url}?x", "feed"),
            probed(path, "a", "other"),
            probed(path, "http://example.com/", "feed"),
        ]

    assert [page.status for page in pages] == [200, 200, 403, 403, 403]
    assert len(server.requests) == 2


@contextmanager
def redirecting(location: str) -> Iterator[str]:
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    with answering(head.encode()) as server:
        yield server.url


def test_a_redirect_to_another_host_is_not_followed(canary: Canary, tmp_path: Path) -> None:
    """Even from a target of the configuration: its answer may be somebody else's."""
    with redirecting(f"http://127.0.0.1:{canary.port}/") as url:
        targets = [{"name": "a", "url": url, "module": "feed"}]
        page = probed(written(tmp_path, targets=targets), "a")

    assert page.reasons() == ["redirect"]
    assert canary.reached == 0


@pytest.mark.parametrize(
    ("before", "after", "follows"),
    [
        ("http://a.test/x", "http://a.test/y", True),
        ("http://a.test/", "https://a.test/", True),
        ("https://a.test/", "http://a.test/", False),
        ("http://a.test/", "http://a.test:8080/", False),
        ("http://a.test/", "http://b.test/", False),
    ],
)
def test_redirects_stay_with_their_host(before: str, after: str, follows: bool) -> None:
    """To TLS it may go, and nowhere else; a stranger's not even there."""
    questions = Question(url=before), Question(url=after)

    assert same_host(*questions) is follows
    assert same_origin(*questions) is (follows and "https" not in after)


def test_a_name_that_changes_its_address_is_asked_at_the_one_that_was_judged(
    canary: Canary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second answer would be this machine, and nobody asks for it."""
    answers = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])
    asked = []

    async def lookup(host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    async def connecting(_: socket.socket, address: tuple[str, int]) -> None:
        asked.append(address[0])
        raise ConnectionRefusedError

    async def run() -> Page:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", lookup)
        monkeypatch.setattr(loop, "sock_connect", connecting)
        prober = Prober(written(tmp_path), open_targets=True)
        return await opened(prober, f"/probe?target=http://twice.test:{canary.port}/&module=feed")

    page = asyncio.run(run())
    assert asked == ["twice.test", "93.184.216.34"]
    assert page.reasons() == ["refused"]
    assert canary.reached == 0
