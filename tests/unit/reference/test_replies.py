"""Plain replies: one line, kept by no cache."""

import asyncio
from typing import Any

from sse_observe.reference.replies import RefusedError, reply


def sent(step: Any) -> tuple[int, dict[str, str], bytes]:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(step(send))
    start, body = messages
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, body["body"]


def test_a_reply_has_a_type_a_length_and_no_cache() -> None:
    """Text that cannot be encoded is replaced, never an error of its own."""
    status, headers, body = sent(lambda send: reply(send, 201, "a\ud800"))

    assert (status, body) == (201, b"a?")
    assert headers == {
        "cache-control": "no-store",
        "content-type": "text/plain; charset=utf-8",
        "content-length": "2",
    }


def test_no_content_describes_no_body() -> None:
    """204 has neither a type nor a length."""
    assert sent(lambda send: reply(send, 204)) == (204, {"cache-control": "no-store"}, b"")


def test_a_refusal_is_one_line_with_its_headers() -> None:
    """A person with curl reads what was wrong."""
    refusal = RefusedError(503, "later", (b"retry-after", b"5"))
    status, headers, body = sent(refusal.reply)

    assert (status, body, headers["retry-after"]) == (503, b"later\n", "5")
