"""The examination as JUnit XML: a test case for each check, as CI systems read it."""

import re
from xml.etree import ElementTree as ET

from sse_observe.check.output.document import CheckEntry, Document
from sse_observe.check.production.point import PointEntry

# XML 1.0 has no way to write these.
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(document: Document) -> str:
    """Return the document as JUnit XML; a warning passes, and its text is the case's output."""
    checks, points = document["checks"], document["points"]
    results = [check["result"] for check in checks]
    states = [point["state"] for point in points]
    suite = ET.Element(
        "testsuite",
        name="sse-observe check",
        tests=str(len(results) + len(states)),
        failures=str(results.count("fail") + states.count("failed")),
        skipped=str(results.count("not_asked") + states.count("person")),
        errors="0",
        time=f"{document['seconds']:.3f}",
        timestamp=document["began"],
    )
    for check in checks:
        _case(suite, check, document["url"])
    for point in points:
        _point(suite, point, document["url"])
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode")


def _case(suite: ET.Element, check: CheckEntry, url: str) -> None:
    case = ET.SubElement(
        suite, "testcase", name=f"{check['id']} {check['name']}", classname=_text(url), time="0"
    )
    place = f"{check['runbook']}, {check['section']}"
    evidence = _text(check["evidence"])
    if check["result"] == "fail":
        failure = ET.SubElement(case, "failure", message=evidence)
        failure.text = _text(f"{check['question']}\n{check['remedy']} ({place})")
    elif check["result"] == "not_asked":
        ET.SubElement(case, "skipped", message=evidence)
    else:
        words = (
            f"{evidence}\n{check['remedy']} ({place})" if check["result"] == "warn" else evidence
        )
        ET.SubElement(case, "system-out").text = f"{check['result']}: {words}"


def _point(suite: ET.Element, point: PointEntry, url: str) -> None:
    case = ET.SubElement(suite, "testcase", name=point["text"], classname=_text(url), time="0")
    evidence = _text(point["evidence"])
    if point["state"] == "failed":
        ET.SubElement(case, "failure", message=evidence)
    elif point["state"] == "person":
        ET.SubElement(case, "skipped", message=f"{evidence}. Ask: {point['ask']}")
    else:
        ET.SubElement(case, "system-out").text = evidence


def _text(words: str) -> str:
    return _FORBIDDEN.sub("\ufffd", words)
