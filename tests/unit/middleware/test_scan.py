"""The shapes of messages, and where reading stands between two of them."""

import pytest

from sse_observe.middleware.scan import KEPT_OF_DATA, Scan, is_comment, is_plain, plain_head


@pytest.mark.parametrize(
    ("body", "head"),
    [
        (b"data: x\n\n", b""),
        (b"id: 7\ndata: x\n\n", b""),
        (b"event: tick\ndata: x\n\n", b"event: tick\n"),
        (b"event: tick\r\ndata: x\r\n\r\n", b"event: tick\n"),
        (b"data: x\ndata: y\n\n", b""),
        (b"event: tick\ndata: x\nid: 7\n\n", b"event: tick\n"),
        (b"data: [DONE]\n\n", None),
        (b"data:\n\n", None),
        (b"data: x\n", None),
        (b"data: x\n\ndata: y\n\n", None),
        (b": ping\n\n", None),
    ],
)
def test_a_plain_message_is_known_by_what_stands_before_its_data(
    body: bytes, head: bytes | None
) -> None:
    """One event in the usual field orders; all else is read in full."""
    assert plain_head(body)[0] == head


def test_a_head_that_moves_the_cursor_is_not_plain() -> None:
    """A remembered head must not hide an id."""
    assert is_plain(b"event: tick\n")
    assert not is_plain(b"event: tick\nid: 7\n")
    assert not is_plain(b"event: tick")
    assert is_comment(b": ping\n\n")
    assert not is_comment(b": ping\nid: 7\n\n")


def test_data_of_several_lines_is_joined_and_bounded() -> None:
    """A reader sees the data as a client does, as far as it is kept."""
    scan = Scan()
    for line in (b"data: a", b"data", b"data:b"):
        scan.read_line(line)
    assert (scan.data, scan.lines) == (b"a\n\nb", 3)

    scan.read_line(b"data: " + b"x" * 100_000)
    assert len(scan.data) == KEPT_OF_DATA
