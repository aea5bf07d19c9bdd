"""A request as it is put, and what of it may be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.check.asking.failures import AskError
from sse_observe.check.asking.question import Question, header


def test_a_shown_url_keeps_no_secret() -> None:
    """Neither a password nor a value of the query is shown."""
    question = Question(url="https://me:hunter22@host.test/p?token=abcdefgh&q=1")

    assert question.shown == "https://host.test/p?token=…&q=…"


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_one_line(text: str) -> None:
    """Nothing that is typed ends in a traceback, and what is shown is one line."""
    refused = ""
    try:
        target = Question(url=text).target
    except AskError as error:
        refused = str(error)
        target = "/"

    assert "\n" not in refused
    assert target.startswith("/")
    assert target.isascii()


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://x", "x", "", "http://", "http://a:b:c/", "http://host:99999/", "http:// x/"),
        *("http://x/\r\nHost: evil", "//x/", "http://[::1", "http://ex ample/"),
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    """One line names it and the remedy."""
    with pytest.raises(AskError, match="URL"):
        Question(url=url)


def test_a_password_becomes_a_header() -> None:
    """As curl does; a header of the user's own goes before it."""
    plain = Question(url="http://me:pw%20d@host.test/")
    own = Question(url="http://me:pw@host.test/", headers=(("Authorization", "Bearer x"),))

    assert plain.sent_headers == [("Authorization", "Basic bWU6cHcgZA==")]
    assert own.sent_headers == [("Authorization", "Bearer x")]


def test_secrets_are_what_a_user_gave() -> None:
    """Tokens, passwords, long values of the query and texts of the body; nothing harmless."""
    question = Question(
        url="http://me:hunter22@host.test/?key=query-secret&n=1",
        method="POST",
        headers=(("Authorization", "Bearer tok-123"), ("Accept", "text/event-stream")),
        body=b'{"prompt": "my private question", "n": 1}',
    )

    assert {"hunter22", "query-secret", "tok-123", "my private question"} <= {*question.secrets}
    assert "text/event-stream" not in question.secrets


@pytest.mark.parametrize("text", ["no colon", "Bad Name: x", "X: a\r\nY: b", ": x", "Ü: x"])
def test_what_is_no_header_is_refused(text: str) -> None:
    """A line end would smuggle another header in."""
    with pytest.raises(AskError, match="--header"):
        header(text)


def test_a_query_is_replaced_and_the_rest_kept() -> None:
    """The cursor of a resume takes the place of an older one."""
    question = Question(url="http://host.test/?a=1&last_event_id=2").with_query(
        {"last_event_id": "9"}
    )

    assert question.url == "http://host.test/?a=1&last_event_id=9"


@pytest.mark.parametrize("location", ["//[::1", "http://[31m/", "http://a:99999/", "ftp://x/"])
def test_a_redirect_to_what_is_no_url_is_one_line(location: str) -> None:
    """A server must not choose how its own check ends."""
    with pytest.raises(AskError, match="URL"):
        Question(url="http://host.test/s").redirected(302, location)
