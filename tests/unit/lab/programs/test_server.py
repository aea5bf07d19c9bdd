"""A server in a thread: on a port that was asked for or a free one, silent on the terminal."""

import logging
import socket

import pytest
import requests

from sse_observe.asgi import Receive, Scope, Send, answer
from sse_observe.errors import LabError
from sse_observe.lab.programs.server import Server, quiet


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer anything."""
    await answer(send, 200, b"here")


def test_what_a_lab_silences_speaks_again_afterwards() -> None:
    """The log level belongs to the process; a run that borrowed it gives it back."""
    log = logging.getLogger("sse_observe")
    before = log.level
    with quiet():
        silent = not log.isEnabledFor(logging.ERROR)

    assert silent
    assert log.level == before


def test_a_port_that_is_taken_is_one_line_with_the_remedy() -> None:
    """Somebody listens there already: which port, and which option."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LabError, match=rf"port {port}: .*; choose another with --port"):
            Server(app, port=port)


@pytest.mark.slow
def test_it_answers_on_every_socket_and_closes_them_all() -> None:
    """A stack from outside asks at an address of its own; afterwards both ports are free."""
    more = socket.create_server(("127.0.0.1", 0))
    urls = []
    with Server(app, more=[more]) as server:
        urls = [server.url, f"http://127.0.0.1:{more.getsockname()[1]}"]
        assert [requests.get(url, timeout=30).text for url in urls] == ["here", "here"]

    for url in urls:
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=5)
