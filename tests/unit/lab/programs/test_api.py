"""Asking a program over HTTP: the answer, or one line about what came instead."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from sse_observe.errors import LabError
from sse_observe.lab.programs.api import answers, ask
from tests.support.json_api import JSONAPI
from tests.support.report_source import Served

LONG = b"<html>" + b"no \n such  page" * 300


@pytest.fixture
def url() -> Iterator[str]:
    """Answer two questions, and say of all others that there is nothing."""
    documents = {"/json?query=up%7Ba%3D%22b%22%7D": {"a": 1}, "/html": LONG}
    with JSONAPI(documents) as api:
        yield api.url


def test_an_answer_is_the_json_of_what_was_asked(url: str) -> None:
    """Parameters are written into the query."""
    assert ask(url, "json", query='up{a="b"}') == {"a": 1}


@pytest.mark.parametrize(
    ("path", "words"),
    [("missing", "missing answered 404: null"), ("html", "no JSON; check the address")],
)
def test_an_answer_that_is_none_is_one_line(url: str, path: str, words: str) -> None:
    """The address, what was asked, and what came."""
    with pytest.raises(LabError) as refused:
        ask(url, path)

    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{url}: {path} ")
    assert words in line


def test_headers_sign_in_and_do_not_follow_a_redirect() -> None:
    """A token is sent to whom it is for, and a redirect is an answer like any other."""
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization"))
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Keep the terminal clean."""

    with Served(Handler) as server, pytest.raises(LabError, match="x answered 302"):
        ask(server.url, "x", {"Authorization": "Bearer s3cret"})

    assert seen == ["Bearer s3cret"]


def test_nobody_there_is_one_line_with_the_reason() -> None:
    """A port that is closed, as after a typing error."""
    with pytest.raises(LabError, match=r"http://127.0.0.1:1: x does not answer: .*refused"):
        ask("http://127.0.0.1:1", "x")


def test_ready_is_an_answer_with_success(url: str) -> None:
    """An error is no answer, and nobody there is none either."""
    assert answers(f"{url}/html")
    assert not answers(f"{url}/missing")
    assert not answers("http://127.0.0.1:1/json")
