"""The report from what is not Prometheus but has its API, and from what answers in part."""

import json
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sse_observe.errors import ReportError
from sse_observe.lab.programs.api import answers
from sse_observe.lab.programs.process import Program, free_port
from sse_observe.lab.programs.prometheus import Prometheus, PrometheusAPI
from sse_observe.report.findings.conclusion import sentences
from sse_observe.report.output.html_file import html_file
from sse_observe.report.output.report import Report
from sse_observe.report.run import ReportRequest, run_report
from tests.support.history import History
from tests.support.programs import needs
from tests.support.report_gateway import JSON, Gateway, Query, Refusal
from tests.support.report_history import BROKEN_FROM, BROKEN_UNTIL, LENGTH, incident, iso

pytestmark = pytest.mark.slow

FAULT = (
    "80.0 % of the streams were good; failed: 10.0 % through the readers' networks, 10.0 % "
    "through an upstream."
)
# While the alert fires, and between two whole steps.
AMID = BROKEN_FROM + 1220


@pytest.fixture(scope="module")
def history(prometheus: Prometheus) -> History:
    """Return an incident that a real Prometheus has seen."""
    history = History(prometheus)
    history.push(incident(history.start))
    return history


def report(url: str, start: float, length: float = AMID, **more: Any) -> Report:
    window = {"since": iso(start), "until": iso(start + length)}
    return run_report(ReportRequest(prometheus=url, **window, **more))


def conclusion(found: Report) -> list[str]:
    return list(sentences(found.incident))


def tenant(headers: Mapping[str, str], _: Query) -> Refusal | None:
    """Refuse as Mimir does who names no tenant."""
    return None if headers.get("x-scope-orgid") == "team" else (401, "no org id\n")


def in_part(answer: JSON) -> JSON:
    """Say as VictoriaMetrics' cluster does that a storage node is away."""
    return {**answer, "isPartial": True}


def warned(answer: JSON) -> JSON:
    """Say as Thanos does that a store is away; what is empty is null there."""
    answer["data"]["result"] = answer["data"]["result"] or None
    return {**answer, "warnings": ["No StoreAPIs matched", "PromQL info: a remark"]}


def whole_steps(query: Query) -> Query:
    """Move start and end to whole steps, as Thanos' query frontend does for its cache."""
    if "step" not in query:
        return query
    step = float(query["step"])
    moved = {key: str(float(query[key]) // step * step) for key in ("start", "end")}
    return {**query, **moved}


def test_mimir_is_asked_under_its_prefix_with_the_tenant(history: History) -> None:
    """The same report as from Prometheus; without the header one line names it."""
    direct = report(history.api.url, history.start)
    with Gateway(history.api.url, "/prometheus", refuse=tenant) as mimir:
        found = report(f"{mimir.url}/", history.start, headers=("X-Scope-OrgID: team",))
        with pytest.raises(ReportError, match=r"answers 401: no org id; add --header 'X-Scope-Org"):
            report(mimir.url, history.start)
        with pytest.raises(ReportError, match="Mimir's ends with /prometheus"):
            report(mimir.url.removesuffix("/prometheus"), history.start)

    assert conclusion(found) == conclusion(direct)
    fault, alert, *_ = conclusion(found)
    assert fault == FAULT
    assert "SSEHighReconnectLatency (warning) fired" in alert
    assert alert.endswith("still firing at the end.")
    assert found.complete


def test_a_store_without_rules_and_alerts_is_enough(history: History) -> None:
    """Alerts are read from their series; nothing but queries is asked, and a part is named so."""
    direct = report(history.api.url, history.start)
    with Gateway(history.api.url, "/select/0/prometheus", changed=in_part) as cluster:
        found = report(cluster.url, history.start)

    assert {path.rpartition("/")[2] for path in cluster.asked} == {"query", "query_range"}
    assert conclusion(found)[:3] == conclusion(direct)[:3]
    assert not found.complete
    reasons = {failure.reason for failure in found.incident.failures}
    assert reasons == {"incomplete: some of its storage did not answer"}
    html = html_file(found)
    assert html.count("incomplete: some of its storage did not answer") > 20
    # At the front once for all, not a hundred times.
    assert html.partition("<main")[0].count("did not answer") == 1


def test_thanos_moves_the_points_and_warns(history: History) -> None:
    """An alert that fires still does, though the last point is older; a remark is no warning."""
    direct = report(history.api.url, history.start)
    gateway = Gateway(history.api.url, moved=whole_steps, changed=warned)
    with gateway as thanos:
        found = report(thanos.url, history.start)

    assert [one.ongoing for one in direct.incident.fired] == [True]
    assert [one.ongoing for one in found.incident.fired] == [True]
    # The sentence between them says how long it fired, up to the last point.
    assert conclusion(found)[0] == conclusion(direct)[0] == FAULT
    assert conclusion(found)[2:4] == conclusion(direct)[2:4]
    (reason,) = {failure.reason for failure in found.incident.failures}
    assert reason == "incomplete: No StoreAPIs matched"


def test_rules_that_are_evaluated_late_do_not_end_an_alert(prometheus: Prometheus) -> None:
    """Mimir evaluates a minute behind: the newest points are missing, the alert is not over."""
    history = History(prometheus)
    history.push(incident(history.start, until=AMID - 75))

    (episode,) = report(prometheus.url, history.start).incident.fired

    assert episode.ongoing


def test_an_alert_that_ended_is_not_taken_for_one_that_goes_on(history: History) -> None:
    """One step after its end it is over, wherever the points are."""
    with Gateway(history.api.url, moved=whole_steps) as moved:
        for url in (history.api.url, moved.url):
            (episode,) = report(url, history.start, BROKEN_UNTIL + 80).incident.fired
            assert not episode.ongoing


def test_what_is_not_known_is_not_called_well(history: History) -> None:
    """Without the states of alerts and the counts of streams, the report claims neither."""

    def refuse(_: Mapping[str, str], query: Query) -> Refusal | None:
        lost = any(part in query["query"] for part in ("ALERTS", "streams_lost"))
        return (422, json.dumps({"error": "too many samples"})) if lost else None

    with Gateway(history.api.url, refuse=refuse) as limited:
        found = report(limited.url, history.start)

    fault, first, *others = conclusion(found)
    assert fault == FAULT
    assert first == "It is not known whether an alert fired: a query was not answered in full."
    assert others[-1].startswith("It is not known whether routes met their completion objective")
    assert found.incident.slo == ()
    assert {one.measure for one in found.incident.impacts["route"]} & {
        "Streams that failed"
    } == set()
    html = html_file(found)
    assert "No alert fired" not in html
    assert "No stream ended in this window." not in html


def test_signals_beyond_their_limits_without_any_alert_are_questioned(
    prometheus: Prometheus,
) -> None:
    """Alert rules that were never loaded must not read as a quiet night."""
    history = History(prometheus)
    history.push(
        (labels, points)
        for labels, points in incident(history.start)
        if not labels["__name__"].startswith("ALERTS")
    )

    fault, first, second, *_ = conclusion(report(prometheus.url, history.start, LENGTH))

    assert fault == FAULT
    assert first == "No alert of sse-observe fired in this window."
    assert "times the limit of SSEHighReconnectLatency" in second
    assert "Are the alert rules loaded?" in second


def test_some_refusals_leave_the_rest(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server under load refuses some at once: they are asked again, and the others named."""
    monkeypatch.setattr("sse_observe.report.query.source._RETRY_SECONDS", 0.01)
    monkeypatch.setattr("sse_observe.report.query.source._QUICK_SECONDS", 60)
    refused: list[str] = []

    def refuse(_: Mapping[str, str], query: Query) -> Refusal | None:
        seen = query["query"] in refused
        if "sse_streams_open" in query["query"] and not seen:
            refused.append(query["query"])
            return 503, json.dumps({"status": "error", "error": "overloaded"})
        if "reconnects_slow:ratio" in query["query"]:
            return 429, "too many outstanding requests"
        return None

    with Gateway(history.api.url, refuse=refuse) as loaded:
        found = report(loaded.url, history.start, alert="SSEHighReconnectLatency")

    assert refused
    failures = {one.name: one.reason for one in found.incident.failures}
    assert 0 < len(failures) < 10
    assert all(
        reason.endswith("answers 429: too many outstanding requests; try again in a minute")
        for reason in failures.values()
    )
    assert found.incident.fired
    assert found.incident.impacts["network_type"][0].value == "3g"


@pytest.mark.prove
def test_a_real_victoriametrics_gives_the_same_report(
    prometheus: Prometheus, history: History, tmp_path: Path
) -> None:
    """The same records in another database, with its own ideas of PromQL and of whole steps."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    command = [
        needs("victoria-metrics"),
        f"-storageDataPath={tmp_path / 'data'}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
    ]
    with Program(command, log=tmp_path / "victoria.log", ready=partial(answers, f"{url}/health")):
        api = PrometheusAPI(url)
        History(api, history.start).push(incident(history.start))
        deadline = time.monotonic() + 60
        while len(api.query('count({__name__=~".+"})', history.start + AMID)) == 0:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        found, same = (report(one, history.start) for one in (url, prometheus.url))

    assert found.complete
    assert conclusion(found)[:3] == conclusion(same)[:3]
    for here, there in zip(found.incident.fired, same.incident.fired, strict=True):
        assert (here.pending, here.start, here.end, here.ongoing) == (
            *(there.pending, there.start, there.end, there.ongoing),
        )
    for here, there in zip(found.incident.slo, same.incident.slo, strict=True):
        assert here.completed == pytest.approx(there.completed, rel=0.02)
        assert here.lost == pytest.approx(there.lost, rel=0.02)
