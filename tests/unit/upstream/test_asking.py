"""Requests: which of them ask for a stream, and what a refusal of one is called."""

import pytest

from sse_observe.upstream.asking import Asking, Unread, header_list


@pytest.mark.parametrize(
    ("asking", "wants"),
    [
        (Asking("POST", body=b'{"model":"m","stream":true}'), True),
        (Asking("POST", body=b'{"stream" : true,"messages":[' + b" " * 10**6), True),
        (Asking("POST", body=b" " * 10**6 + b'{"stream": true}'), True),
        (Asking("POST", body=b'{"model":"m","stream":false}'), False),
        (Asking("POST", query="alt=sse"), True),
        (Asking("GET", headers=[(b"accept", b"text/event-stream")]), True),
        (Asking("GET", headers=[(b"accept", b"*/*")]), False),
    ],
    ids=range(7),
)
def test_a_request_asks_for_a_stream_in_one_of_the_ways_in_use(asking, wants) -> None:
    """By name, in the JSON of its body, or in its query."""
    assert asking.wants_stream() is wants


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        *((200, None), (204, None), (302, None), (401, "refused_4xx"), (429, "refused_429")),
        *((500, "refused_5xx"), (529, "refused_5xx"), (600, "refused_5xx")),
    ],
)
def test_a_refusal_is_called_by_its_class(status, reason) -> None:
    """The answers of an outage, of a limit, and to a wrong request are told apart."""
    assert Asking("POST", query="alt=sse").refusal(status) == reason


def test_no_stream_by_get_is_no_refusal_in_mcp() -> None:
    """A server that offers none says so to each client that asks."""
    headers = [(b"accept", b"text/event-stream"), (b"mcp-session-id", b"1")]
    assert Asking("GET", headers).refusal(405) is None
    assert Asking("GET", headers).refusal(404) == "refused_4xx"


def test_a_request_is_read_when_somebody_asks_and_its_body_let_go_of() -> None:
    """How its stream has ended depends on method and headers; a body may be large."""
    read: list[bytes | None] = []

    def asking(method: str, body: bytes | None) -> Asking:
        read.append(body)
        return Asking(method, body=body)

    unread = Unread(asking, "POST", b"large")
    assert not read
    assert unread().body == b"large"

    unread.let_go()

    assert (unread().scope["method"], read) == ("POST", [b"large", None])


def test_headers_of_any_client_become_bytes_in_lower_case() -> None:
    """Libraries give text or bytes, in whatever case was sent."""
    assert header_list([("Accept", "a"), (b"X-Y", b"Z")]) == [(b"accept", b"a"), (b"x-y", b"Z")]
