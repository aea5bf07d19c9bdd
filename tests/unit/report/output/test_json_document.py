"""The JSON document: the same facts as in the HTML file, for a script."""

import json
from dataclasses import replace

from sse_observe.report.findings.conclusion import sentences
from sse_observe.report.logs.reading import LineKind, LogExcerpt
from sse_observe.report.output.json_document import json_document
from sse_observe.report.output.report import Report


def test_the_document_holds_the_same_facts(report: Report) -> None:
    """A script reads what the HTML says, and it is JSON without exceptions."""
    read = json.loads(json.dumps(json_document(report), allow_nan=False))

    assert read["conclusion"] == list(sentences(report.incident))
    assert (read["severity"], read["complete"]) == ("critical", True)
    assert read["alerts"][0]["pending"] == "2026-09-21T12:13:20.000+00:00"
    assert read["affected"]["network_type"][0]["value"] == "3g"
    assert read["affected"]["network_type"][0]["counted"] == [80, 1000]
    assert [one["met"] for one in read["slo"]] == [False, True, True]
    assert read["causes"]["failed"] == {"upstream": 550, "deploy": 300}
    assert read["process_starts"][0]["before"] == "SSEStreamsStalled"
    assert read["worst_minutes"][0]["times_limit"] == 18
    assert len(read["boards"]) == 3
    assert read["logs"] is None


def test_lines_of_a_log_are_in_it(report: Report) -> None:
    """Kinds of lines with their first and last time, as a script compares them."""
    kind = LineKind(0, "sse_observe", "warning", "stream ended", 0.0, 60.0, 2)

    read = json_document(replace(report, log=LogExcerpt("app.log", 7, 6, (kind,))))

    logs = json.loads(json.dumps(read))["logs"]
    assert (logs["name"], logs["lines"], logs["in_window"]) == ("app.log", 7, 6)
    assert logs["kinds"][0]["last"] == "1970-01-01T00:01:00.000+00:00"
