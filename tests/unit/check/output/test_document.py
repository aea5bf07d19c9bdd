"""The document of an examination: everything that was found, and no secret."""

import json
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
from tests.support.check_recordings import event, recording

SECRETS = ("hunter2222", "query-secret", "tok-secret-123", "private question", "epochepochepoch")


def examined() -> Document:
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
        Examination(question, checked, (place,), tuple(verdicts([place])), 1.7e9, 3.0, 2)
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
    found = examined()
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
