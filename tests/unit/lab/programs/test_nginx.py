"""A real nginx before a service: streams pass at once, or are held back by its defaults."""

import time
from pathlib import Path

import pytest
import requests

from sse_observe.asgi import Receive, Scope, Send, answer
from sse_observe.lab.programs.nginx import Nginx
from sse_observe.lab.programs.server import Server
from tests.support.programs import needs

pytestmark = pytest.mark.slow


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer that the service was reached."""
    await answer(send, 200, b"reached")


def test_both_ports_lead_to_the_service(tmp_path: Path) -> None:
    """The second server asks the first, and the first the service."""
    needs("nginx")
    with Server(app) as server, Nginx(tmp_path, upstream=server.port) as nginx:
        texts = [
            requests.get(f"http://127.0.0.1:{port}/", timeout=30).text
            for port in (nginx.port, nginx.buffering)
        ]

    assert texts == ["reached", "reached"]


def test_a_silent_answer_is_cut_at_the_limit(tmp_path: Path) -> None:
    """The limit is the one that was given, far below nginx's own minute."""
    needs("nginx")

    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await receive()
            await receive()

    with (
        Server(silent) as server,
        Nginx(tmp_path, upstream=server.port, read_timeout="1s") as nginx,
    ):
        began = time.monotonic()
        status = requests.get(f"http://127.0.0.1:{nginx.port}/", timeout=50).status_code

    assert status == 504
    assert time.monotonic() - began < 30
