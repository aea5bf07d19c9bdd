"""The ASGI interface: headers are found, answers are whole, a server's life is followed."""

import asyncio
from typing import Any

import pytest

from sse_observe.asgi import address_of, answer, follow_lifespan, header, refuse_websocket


def sent_by(step: Any, *inbox: dict[str, str]) -> list[Any]:
    """Run `step(receive, send)` on these messages and return what it sent."""
    sent: list[Any] = []
    left = list(inbox)

    async def receive() -> dict[str, str]:
        return left.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(step(receive, send))
    return sent


def answered(*args: Any, **options: Any) -> tuple[int, dict[str, str], bytes]:
    start, body = sent_by(lambda _, send: answer(send, *args, **options))
    assert start["type"] == "http.response.start"
    assert body["type"] == "http.response.body"
    assert not body.get("more_body")
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, body["body"]


def test_the_first_header_of_a_name_is_returned_whatever_its_case() -> None:
    """Servers send lower case, applications what they like."""
    headers = [(b"a", b"0"), (b"Vary", b"1"), (b"vary", b"2")]

    assert header(headers, b"vary") == b"1"
    assert header(headers, b"etag") is None


def test_an_answer_says_how_long_it_is() -> None:
    """A body is never left to the end of its connection, an empty one neither."""
    assert answered(200, b"four", (b"x", b"y")) == (
        200,
        {"x": "y", "content-length": "4"},
        b"four",
    )
    assert answered(404) == (404, {"content-length": "0"}, b"")


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_that_has_no_body_has_no_length(status: int) -> None:
    """HTTP forbids it on 204, and on 304 it would speak of the other answer."""
    assert answered(status) == (status, {}, b"")


def test_head_describes_the_body_that_it_leaves_out() -> None:
    """The length is that of the GET."""
    assert answered(200, b"four", head=True) == (200, {"content-length": "4"}, b"")


def test_a_servers_life_is_followed_to_its_end() -> None:
    """Each event is answered; what shuts down has done so before the last answer."""
    order: list[str] = []

    async def follow(receive: Any, send: Any) -> None:
        async def noting(message: Any) -> None:
            order.append(message["type"])
            await send(message)

        async def shut_down() -> None:
            order.append("shut down")

        await follow_lifespan(receive, noting, shut_down)

    life = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent_by(follow, *life)

    assert order == ["lifespan.startup.complete", "shut down", "lifespan.shutdown.complete"]


def test_a_websocket_is_closed_in_order() -> None:
    """1000 is a normal closure: nothing went wrong, we only do not speak it."""
    sent = sent_by(lambda _, send: refuse_websocket(send))

    assert sent == [{"type": "websocket.close", "code": 1000}]


def test_a_customer_of_ipv6_is_one_sender() -> None:
    """A provider gives each a whole /64, in which addresses are free."""

    def address(host: str) -> str:
        return address_of({"client": (host, 1)})

    assert address("2001:db8::1") == address("2001:db8::ffff:2")
    assert address("2001:db8::1") != address("2001:db8:1::1")
    assert address("192.0.2.7") == "192.0.2.7"
    assert address("fe80::1%eth0") == address("fe80::2")
    assert address(":not:an:address:") == ":not:an:address:"
    assert address_of({"client": None}) == address_of({}) == ""
