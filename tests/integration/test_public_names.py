"""Nothing public is undocumented: griffe reads the source, and names what is silent."""

import re
from collections.abc import Iterator

import griffe
import pytest

from tests.support.documents.python_names import Public, called_with, listed, read

NAMES = list(listed())


@pytest.fixture(params=NAMES, ids=".".join)
def one(request: pytest.FixtureRequest) -> Public:
    """Return each public name, as griffe reads it."""
    return read(*request.param)


def words_of(source: griffe.Object) -> str:
    return source.docstring.value if source.docstring else ""


def unnamed(parameters: list[griffe.Parameter], words: str) -> Iterator[str]:
    """Yield the parameters of which a docstring says nothing."""
    for each in parameters:
        if not re.search(rf"`\*?\*?{each.name}\b", words):
            yield each.name


def test_there_is_something_to_read() -> None:
    """An empty list would prove anything."""
    assert {"SSEObserveMiddleware", "resume_stream", "RedisStore"} <= {name for _, name in NAMES}


def test_a_public_name_is_documented(one: Public) -> None:
    """It has a docstring, which says what each argument and each field is for."""
    words = words_of(one.source)

    assert words
    assert list(unnamed(one.parameters(), words)) == []
    for member in one.members():
        own = words_of(member)
        if member.is_function:
            assert own, member.path
            assert list(unnamed(called_with(member), own)) == [], member.path
        else:
            assert own or f"`{member.name}`" in words, member.path


def test_a_public_name_that_refuses_says_so(one: Public) -> None:
    """Where a public function itself raises, its docstring names the error."""
    functions = [one.source, *(member for member in one.members() if member.is_function)]
    for each in functions:
        if each.is_function:
            for error in set(re.findall(r"^ +raise (\w+Error)\(", each.source, re.MULTILINE)):
                assert error in words_of(each), f"{each.path}: {error}"
