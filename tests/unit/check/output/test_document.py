"""The document of an examination: everything that was found, and no secret."""

import json
from collections.abc import Sequence
from xml.etree import ElementTree as ET

import pytest

from sse_observe.check.asking.question import Question
from sse_observe.check.checks import every
from sse_observe.check.doctor import Examination
from sse_observe.check.hops import verdicts
from sse_observe.check.model import Checked, Evidence, Options, Place
from sse_observe.check.output.document import Document, document, mask
from sse_observe.check.output.html_page import html_page
from sse_observe.check.output.junit import junit
from sse_observe.check.production.point import Point, done, failed, person
from tests.support.check_recordings import event, recording

SECRETS = ("hunter2222", "query-secret", "tok-secret-123", "private question", "epochepochepoch")


POINTS = (
    done("Runbooks documented", "token tok-secret-123 opened them"),
    failed("Load tested (100+ concurrent users)", "3 of 100"),
    person("User acceptance testing completed", "no machine can tell", "Who?"),
)


def examined(points: Sequence[Point] = POINTS) -> Document:
    """Return a document of a stream that echoes everything it was asked with."""
    question = Question(
        url="http://me:hunter2222@host.test/p?key=query-secret",
        method="POST",
        headers=(("Authorization", "Bearer tok-secret-123"),),
        body=b'{"prompt": "private question"}',
    )
    echo = " ".join(SECRETS[:-1])
    found = recording(
        (0.1, f"{echo}: is no field\n" + event(1)),
        (0.2, "id: 7-epochepochepochepoch\ndata: a\n\n"),
        (0.3, "id: 7-epochepochepochepoch\ndata: a\n\n"),
        headers={"server": f"nginx {echo}"},
    )
    evidence = Evidence(question, Options(repeat=True))
    evidence.recordings["main"] = [found]
    evidence.places.append(Place(evidence, ()))
    checked = tuple(Checked(check, check.judge(evidence)) for check in every() if check.id != "D8")
    place = Place(evidence, checked)
    return document(
        Examination(question, checked, (place,), tuple(verdicts([place])), 1.7e9, 3.0, 2),
        points=points,
    )


@pytest.mark.parametrize("secret", SECRETS)
def test_no_output_holds_a_secret(secret: str) -> None:
    """Not the JSON, not the JUnit file, not the page: all are written from one document."""
    found = examined()

    for text in (json.dumps(found), junit(found), html_page(found)):
        assert secret not in text


def test_a_longer_secret_is_masked_before_one_within_it() -> None:
    """Else its rest would stay."""
    assert mask(["abc", "abcdef"])("abcdef") == "[masked]"


def test_junit_counts_what_failed_and_what_was_not_asked() -> None:
    """A CI system shows each check as a test of its own."""
    found = examined(points=())
    suite = ET.fromstring(junit(found))  # noqa: S314 - our own text

    results = [check["result"] for check in found["checks"]]
    assert suite.get("tests") == str(len(results))
    assert suite.get("failures") == str(results.count("fail"))
    assert len(suite.findall("testcase/skipped")) == results.count("not_asked")


def test_the_page_runs_nothing_and_loads_nothing() -> None:
    """It opens offline, in a mail, years later."""
    page = html_page(examined())

    assert "<script" not in page
    assert "default-src &#x27;none&#x27;" in page
    assert "<svg" in page


def test_points_stand_in_every_output() -> None:
    """A failed one fails the command and the JUnit file; a question for people is skipped."""
    found, plain = examined(), examined(points=())
    with_points, without = (ET.fromstring(junit(each)) for each in (found, plain))  # noqa: S314

    assert found["exit_code"] == 2
    assert int(with_points.get("tests", 0)) - int(without.get("tests", 0)) == 3
    assert int(with_points.get("failures", 0)) - int(without.get("failures", 0)) == 1
    assert "Who?" in html_page(found)
    assert "Production checklist" not in html_page(plain)


def test_a_server_cannot_move_the_cursor() -> None:
    """Escapes, line ends and marks of direction are shown by their codes."""
    assert mask([])("a\x1b[2Jb\r\nc\u202e") == "a\\u001b[2Jb c\\u202e"
