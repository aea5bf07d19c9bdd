"""Draws for hypothesis: events, streams of strange bytes, and every way to cut them."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

# Surrogates cannot be encoded; everything else may stand in a payload.
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
one_line = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=12
)
line_ends = st.sampled_from([b"\n", b"\r\n", b"\r"])
# Lines that exercise each rule, and lines that only look like they did.
lines = st.one_of(
    st.sampled_from(
        [
            *(b"data", b"data:", b"data: x", b"data:x", b"data:  x", b"data: [DONE]", b"data:y:z"),
            *(b"event: done", b"event:tick", b"event", b"event:", b"event: heartbeat"),
            *(b"id: 7-abc", b"id:8-abc", b"id", b"id:", b"id: 1\x00", b"Id: 4", b" id: 4"),
            *(b"retry: 1000", b"retry: 1e3", b"retry:", b"retry: 12x", b"retry: \xd9\xa3"),
            *(b": ping", b":", b"", b"", b"", b"unknown: 1", b"data : x", b"\xef\xbb\xbfdata: x"),
        ]
    ),
    st.binary(max_size=8).filter(lambda b: not set(b) & {10, 13}),
)


@st.composite
def streams(draw: Callable[..., Any], max_lines: int = 20) -> bytes:
    """Draw the bytes of one stream, line ends mixed, possibly unfinished."""
    start = draw(
        st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf", b"\xef\xbb", b"\xef\xbb\xbf" * 2])
    )
    body = b"".join(line + draw(line_ends) for line in draw(st.lists(lines, max_size=max_lines)))
    return start + body + draw(st.sampled_from([b"", b"", b"data: unfinished", b"id: 9"]))


@st.composite
def cuts(draw: Callable[..., Any], whole: bytes) -> list[bytes]:
    """Draw one way to cut these bytes into chunks; empty chunks are among them."""
    places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    edges = [0, *places, len(whole)]
    return [whole[a:b] for a, b in pairwise(edges)]
