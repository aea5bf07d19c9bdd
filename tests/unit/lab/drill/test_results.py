"""The results of a drill as a whole, and as a document."""

import json
from dataclasses import replace

from sse_observe.lab.drill.results import Results
from sse_observe.lab.drill.timeline import TimelineEvent
from sse_observe.lab.drill.verdict import Verdict

STALLED = "SSEStreamsStalled"
GOOD = Verdict("freeze", (STALLED,), {STALLED: 11.0}, 30, (), (), (), (), {STALLED: "http://h"}, 1)


def test_recall_and_precision_count_strays_too() -> None:
    """One of two alerts fired, one that belongs to nobody did as well."""
    bad = replace(GOOD, fired={}, missing=(STALLED,))
    results = Results((GOOD, bad), ("SSETelemetryAbsent",), 60, 60, (), missed=0.25)

    assert (results.recall, results.precision) == (0.5, 0.5)
    assert not results.as_expected


def test_a_skipped_fault_is_no_failure() -> None:
    """A fault that this machine cannot cause says nothing about the alerts."""
    results = Results((GOOD,), (), 60, 60, (), {"packet-loss": "no network namespace"})

    assert results.as_expected
    assert results.document()["skipped"] == {"packet-loss": "no network namespace"}


def test_the_document_holds_everything_and_is_json() -> None:
    """A script reads verdicts and timeline without knowing our classes."""
    events = (TimelineEvent(1.5, "freeze", STALLED, "notified", "http://h"),)
    document = json.loads(json.dumps(Results((GOOD,), (), 68, 60, events).document()))

    assert (document["as_expected"], document["seconds"], document["time_scale"]) == (True, 68, 60)
    (fault,) = document["faults"]
    assert (fault["fault"], fault["as_expected"], fault["fired"]) == ("freeze", True, {STALLED: 11})
    assert document["timeline"] == [
        {
            "seconds": 1.5,
            "fault": "freeze",
            "alert": STALLED,
            "what": "notified",
            "detail": "http://h",
        }
    ]
