"""Web addresses of a user."""

import pytest

from sse_observe.render.urls import url_problems


@pytest.mark.parametrize("text", ["http://a", "https://a.test:1/b?c=d#e", "http://[::1]:3000"])
def test_a_web_address_is_one(text: str) -> None:
    """Port, path, query and an address in numbers are fine."""
    assert list(url_problems("k", text)) == []


@pytest.mark.parametrize(
    "text", ["", "a", "ftp://a", "http://", "http://[", "http://a b", "http://{{a}}"]
)
def test_what_is_none_gets_one_line(text: str) -> None:
    """The key, the value, and how to write it."""
    (line,) = url_problems("k", text)

    assert line.startswith(f"k: {text!r}: ")
    assert "https://" in line
