"""One request: checked before it is sent, shown without its secrets, redirected with care."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.consumer.request import (
    ASKING,
    Request,
    is_sendable,
    merged,
    new_request,
    place,
    redirected,
    with_query,
)
from sse_observe.errors import SettingsError

HERE = "https://here.test/a/b?x=1"
OURS = {**ASKING, "Last-Event-ID": "7"}
SECRET = {**OURS, "X-Api-Key": "s", "Authorization": "s"}


@pytest.mark.parametrize(
    ("given_", "line"),
    [
        ({"json": {}, "content": b""}, "json and content are both given"),
        ({"json": {1, 2}}, "json is none"),
        ({"json": float("nan")}, "json is none"),
        ({"content": 7}, "content is wrong; give bytes or text"),
        ({"method": "GE T"}, "method='GE T' is no method"),
        ({"headers": {"X-Key": "s3cret\r\nX: y"}}, "header 'X-Key' is wrong"),
        ({"headers": {"X-Key": 7}}, "header 'X-Key' is wrong"),
        ({"headers": {"": "x"}}, "header '' is wrong"),
        ({"url": "server.test/stream"}, "server.test/stream: is no URL to ask"),
        ({"url": "ftp://server.test/"}, "begin it with http:// or https://"),
        ({"url": "http://"}, "is no URL to ask"),
        ({"url": "http://[::1"}, "http://[:…: is no URL to ask"),
    ],
)
def test_a_request_that_cannot_be_sent_is_one_line(given_: dict[str, Any], line: str) -> None:
    """It says which option is wrong, and repeats no value that may be a secret."""
    asked = {"url": HERE, "method": None, "headers": {}, "json": None, "content": None, **given_}
    with pytest.raises(SettingsError) as error:
        new_request(*asked.values())

    assert line in str(error.value)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "htp://user:PASSW0RD@h/?tok=PASSW0RD",
        "http://user:PASSW0RD@h:99999/x?tok=PASSW0RD",
        "http://user:PASSW0RD@[::1/x",
        "user:PASSW0RD@h/x?tok=PASSW0RD",
        "//user:PASSW0RD@h/x#PASSW0RD",
    ],
)
def test_a_wrong_url_is_shown_without_its_secrets(url: str) -> None:
    """A log is read by more people than a password should be."""
    with pytest.raises(SettingsError) as error:
        new_request(url, None, {}, None, None)

    assert "PASSW0RD" not in str(error.value)


@given(st.text(), st.sampled_from(["https://u:PASSW0RD@h/", "u:PASSW0RD@h", "//u:PASSW0RD@h?q="]))
def test_a_place_never_shows_a_password(text: str, url: str) -> None:
    """Whatever stands behind it, and however it is broken."""
    assert "PASSW0RD" not in place(url + text)
    assert "PASSW0RD" not in place(f"{url}{text}?PASSW0RD")


def test_a_query_keeps_its_spelling() -> None:
    """A signed URL is signed as it is spelled; only the fields of ours are replaced."""
    url = "https://h/p?b=a%20b&a=1+2&&sig=%2F&stream_id=old&stream%5Fid=old#f"

    assert with_query(url, stream_id="a b/é") == (
        "https://h/p?b=a%20b&a=1+2&sig=%2F&stream_id=a+b%2F%C3%A9#f"
    )
    assert with_query("https://h/p", a="1") == "https://h/p?a=1"


def test_headers_replace_those_of_the_same_name_in_any_case() -> None:
    """Two Accept headers would be two answers to one question."""
    assert merged({"Accept": "a", "B": "b"}, {"accept": "c"}) == {"B": "b", "accept": "c"}


@pytest.mark.parametrize(
    ("location", "foreign"),
    [
        ("/c", False),
        ("c?y=2", False),
        ("https://here.test:443/c", False),
        ("https://HERE.test/c", False),
        ("http://here.test/c", True),
        ("https://here.test:444/c", True),
        ("https://evil.test/c", True),
        ("//evil.test/c", True),
        ("https://here.test@evil.test/", True),
    ],
)
def test_the_callers_headers_stay_with_their_origin(location: str, foreign: bool) -> None:
    """Another origin gets what any EventSource sends it: no key, no cookie, no token."""
    following = redirected(Request(HERE, headers=SECRET), 302, location)

    assert following is not None
    assert following.foreign is foreign
    assert following.headers == (OURS if foreign else SECRET)


def test_the_same_host_over_tls_is_the_same() -> None:
    """The commonest redirect of all takes nothing away."""
    following = redirected(
        Request("http://here.test/x", headers=SECRET), 301, "https://here.test/x"
    )

    assert following is not None
    assert following.headers == SECRET
    assert not following.foreign


@pytest.mark.parametrize(
    ("status", "method", "body"),
    [(301, "GET", None), (302, "GET", None), (303, "GET", None), (307, "POST", b"{}")],
)
def test_a_post_is_redirected_as_the_standard_says(
    status: int, method: str, body: bytes | None
) -> None:
    """Only 307 and 308 ask for the body again: the first server has not taken it."""
    asked = Request(HERE, "POST", {**SECRET, "Content-Type": "application/json"}, b"{}")
    following = redirected(asked, status, "/c")

    assert following is not None
    assert (following.method, following.body) == (method, body)
    assert ("Content-Type" in following.headers) is (body is not None)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("https://evil.test/c?tok=1", "redirects a body to another origin, https://evil.test/c;"),
        ("ftp://here.test/c", "redirects to what is no http URL"),
        ("http://[::1", "redirects to what is no http URL"),
    ],
)
def test_a_redirect_that_gives_something_away_is_not_followed(location: str, reason: str) -> None:
    """A prompt is a secret as a key is one."""
    with pytest.raises(ValueError) as error:
        redirected(Request(HERE, "POST", SECRET, b"{}"), 307, location)

    assert str(error.value).startswith(reason)
    assert "tok" not in str(error.value)


@pytest.mark.parametrize(("status", "location"), [(200, "/c"), (304, "/c"), (302, ""), (302, None)])
def test_everything_else_is_no_redirect(status: int, location: str | None) -> None:
    """An answer is judged by its status then."""
    assert redirected(Request(HERE), status, location) is None


@pytest.mark.parametrize(
    ("text", "sendable"),
    [
        ("7-abc", True),
        ("é 漢", True),
        ("a\tb", True),
        ("a\x01b", False),
        ("\x7f", False),
        ("\n", False),
    ],
)
def test_a_header_holds_no_control_character(text: str, sendable: bool) -> None:
    """An event's id may hold one; it cannot be sent back."""
    assert is_sendable(text) is sendable
