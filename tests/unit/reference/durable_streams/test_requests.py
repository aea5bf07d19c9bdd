"""Requests: foreign headers and queries are read within bounds, or refused in one line."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.reference.durable_streams.requests import (
    append_of,
    body_of,
    create_of,
    name_of,
    read_of,
)
from sse_observe.reference.replies import RefusedError
from tests.support.durable import refusal_of

HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("content-type", "stream-ttl", "stream-expires-at", "stream-closed", "stream-seq"),
            *("producer-id", "producer-epoch", "producer-seq", "stream-forked-from"),
            *("stream-fork-offset", "stream-fork-sub-offset"),
        ]
    ),
    st.text(st.characters(codec="latin-1"), max_size=30)
    | st.sampled_from(["1", "0", "true", "a/b", "2030-01-01T00:00:00Z", "1_1"]),
)


@given(HEADERS)
def test_foreign_headers_are_read_or_refused(headers: dict[str, str]) -> None:
    """Nothing else comes of them."""
    for read in (lambda: create_of(headers, ""), lambda: append_of(headers)):
        refusal = refusal_of(read)
        assert refusal is None or (refusal.status == 400 and "\n" not in str(refusal))


@given(st.binary(max_size=60))
def test_a_foreign_query_is_read_or_refused(query: bytes) -> None:
    """Nothing else comes of it."""
    refusal = refusal_of(lambda: read_of({"query_string": query}))
    assert refusal is None or refusal.status == 400


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (b"live=sse", 400),
        (b"offset=-1&live=websocket", 400),
        (b"offset=1_1&offset=1_2", 400),
        (b"offset=", 400),
        (b"&".join(b"a=1" for _ in range(100)), 400),
        (b"a" * 10_000, 414),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(query: bytes, status: int) -> None:
    """Each with its own line."""
    with pytest.raises(RefusedError) as refusal:
        read_of({"query_string": query})
    assert refusal.value.status == status


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"producer-id": "p"}, "together"),
        ({"producer-id": "", "producer-epoch": "0", "producer-seq": "0"}, "1 to 1024"),
        ({"producer-id": "p", "producer-epoch": "x", "producer-seq": "0"}, "whole number"),
        ({"producer-id": "p", "producer-epoch": "0", "producer-seq": str(2**53)}, "whole number"),
        ({"stream-seq": "x" * 2000}, "at most 1024"),
    ],
)
def test_half_a_producer_is_refused(headers: dict[str, str], says: str) -> None:
    """Numbers have an end: another language's must hold them too."""
    with pytest.raises(RefusedError, match=says):
        append_of(headers)


def body(*parts: bytes, more: bool = False, limit: int = 10) -> Any:
    """Read a body that comes in parts; under `more` its end never comes."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if not more:
        messages.append({"type": "http.request", "body": b"", "more_body": False})
    else:
        messages.append({"type": "http.disconnect"})

    async def receive() -> Any:
        return messages.pop(0)

    return asyncio.run(body_of(receive, limit))


def test_a_body_is_read_whole_within_its_limit() -> None:
    """However it is cut, and whatever its length was said to be."""
    assert body(b"ab", b"", b"cd") == b"abcd"
    with pytest.raises(RefusedError) as refusal:
        body(b"123456", b"123456")
    assert refusal.value.status == 413


def test_half_a_body_is_not_kept() -> None:
    """A client that left in the middle has written nothing."""
    with pytest.raises(RefusedError, match="ended early"):
        body(b"ab", more=True)


def test_a_name_is_what_follows_the_mount() -> None:
    """Slashes at its ends do not count."""
    assert name_of("/a/b/", "") == "a/b"
    assert name_of("/streams/a", "/streams") == "a"
