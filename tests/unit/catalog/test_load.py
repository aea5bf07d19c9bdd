"""The catalogue holds together: what names something names a thing that exists."""

import re
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import promql_parser
import pytest

from sse_observe.catalog.load import HEADINGS, load, problems, raw_series, series_in, unread
from sse_observe.catalog.model import Alert, Catalog, Guard, Signal
from sse_observe.catalog.signals.recordings import SIGNALS
from sse_observe.catalog.signals.slis import VERDICTS
from sse_observe.errors import CatalogError
from sse_observe.render.bundle import catalogue
from sse_observe.render.promql import PromQL
from sse_observe.render.settings import Settings
from sse_observe.render.text import Text

CATALOG = load()
TUNED, _ = catalogue(None)
FENCE = re.compile(r"^ *```promql\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def with_alert(**changes: object) -> Catalog:
    """Return the catalogue with one alert changed."""
    first, *others = CATALOG.alerts
    return replace(CATALOG, alerts=(replace(first, **changes), *others))


def with_signal(**changes: object) -> Catalog:
    """Return the catalogue with one more signal, which nobody else reads."""
    signal = Signal(record="route:sse_new:sum", expr="sum(up)", unit="short", help="New.")
    return replace(CATALOG, signals=(*CATALOG.signals, replace(signal, **changes)))


def prose(change: Callable[[str], str]) -> Catalog:
    return with_alert(prose=change(CATALOG.alerts[0].prose))


PLANTED = {
    "unknown metric in a signal": (
        with_signal(expr="sum(sse_concurent_streams)"),
        "sse_concurent_streams does not exist; did you mean sse_concurrent_streams?",
    ),
    "signal read before it is recorded": (
        replace(CATALOG, signals=tuple(reversed(CATALOG.signals))),
        "is recorded after it; move it up",
    ),
    "signal recorded twice": (
        replace(CATALOG, signals=(*CATALOG.signals, CATALOG.signals[0])),
        "recorded twice; rename one",
    ),
    "unknown signal in an alert": (
        with_alert(signal="route:sse_client_reports_refused:ratio_rate5m"),
        "did you mean route:sse_client_reports_refused:ratio_rate15m?",
    ),
    "unknown signal in a guard": (
        with_alert(guards=(Guard(signal="route:sse_x:sum", compare=">", threshold=1),)),
        "route:sse_x:sum does not exist",
    ),
    "raw metric in an alert": (
        with_alert(signal="sse_message_loss_total"),
        "sse_message_loss_total does not exist",
    ),
    "signal that no panel of its dashboard shows": (
        with_alert(signal="route:sse_streams_open:sum", dashboard="network-quality"),
        "no panel of network-quality shows route:sse_streams_open:sum",
    ),
    "unknown dashboard": (
        with_alert(dashboard="stream-helth"),
        "stream-helth does not exist; did you mean stream-health?",
    ),
    "label that the expression does not yield": (
        with_alert(description="{{ $labels.route }}"),
        "$labels.route is no label of the expression; it has job",
    ),
    "summary that changes": (with_alert(summary="{{ $value }} refused"), "must read the same"),
    "name without SSE": (with_alert(name="ReportsRefused"), "starts with SSE"),
    "name twice": (
        replace(CATALOG, alerts=(*CATALOG.alerts, CATALOG.alerts[0])),
        "is taken; rename the page",
    ),
    "heading missing": (
        prose(lambda text: text.replace("## Mitigation\n", "")),
        "heading `## Mitigation` is missing or out of place",
    ),
    "headings in another order": (
        prose(lambda text: text.replace("## Impact", "## Meaning", 1)),
        "heading `## Impact` is missing or out of place",
    ),
    "heading too many": (
        prose(lambda text: text + "\n## Appendix\n"),
        "heading `## Appendix` is one too many",
    ),
    "link to no runbook": (
        prose(lambda text: text.replace("SSECompletionRateLow.md", "SSECompletionLow.md")),
        "link to SSECompletionLow.md",
    ),
    "unknown metric in prose": (
        prose(lambda text: text + "\n`sse_reports_total`\n"),
        "sse_reports_total does not exist",
    ),
    "unknown fix": (
        prose(lambda text: text + "\n<< fix('ngnix') >>\n"),
        "fix: ngnix does not exist; did you mean nginx?",
    ),
    "unknown signal in a panel": (
        replace(
            CATALOG,
            signals=tuple(s for s in SIGNALS if s.record != "route:sse_tcp_unsent_bytes:sum"),
        ),
        "route:sse_tcp_unsent_bytes:sum does not exist",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_planted_fault_is_refused(fault: str) -> None:
    """Each contradiction is found, and said with a name to search for."""
    catalog, said = PLANTED[fault]

    assert any(said in problem for problem in problems(catalog))


def test_catalogue_has_no_fault() -> None:
    """What is shipped is whole."""
    assert list(problems(CATALOG)) == []
    assert list(unread(CATALOG)) == []


def test_signal_that_nobody_reads_is_refused() -> None:
    """A recording that costs and serves nobody is found."""
    assert list(unread(with_signal())) == [
        "signal route:sse_new:sum: nobody reads it; show it in a panel, or drop it"
    ]


def test_only_the_recordings_read_raw_metrics() -> None:
    """Verdicts speak signals alone."""
    for signal in VERDICTS:
        assert not raw_series() & set(series_in(signal.expr)), signal.record


def test_record_names_say_that_they_are_ours() -> None:
    """Recorded names start with their grouping, but for the guide's own."""
    names = {signal.record for signal in SIGNALS}

    assert {n for n in names if not n.startswith(("route:", "route_split:"))} == {
        "sse_stream_completion_rate"
    }


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(group_by=("cluster",), selector='env="x"', time_scale=60, scrape_interval="500ms"),
    ],
    ids=["default", "tuned"],
)
def test_every_expression_parses(settings: Settings) -> None:
    """Recordings, alerts and the runbooks' queries are PromQL under any settings."""
    promql = PromQL(settings)
    signals = {signal.record: signal for signal in TUNED.signals}
    text = Text(TUNED, settings)
    queries = [promql.record(signal) for signal in TUNED.signals]
    queries += [
        promql.alert(alert, signals, window)
        for alert in TUNED.alerts
        for window in alert.windows or (None,)
    ]
    queries += [query for book in text.runbooks().values() for query in FENCE.findall(book)]

    for query in queries:
        assert promql_parser.parse(query) is not None
    assert len(queries) > 200


def test_no_recording_reads_a_long_raw_range() -> None:
    """Raw ranges over 15 minutes are what does not scale to a thousand instances."""
    long = []

    def visit(node: object) -> bool:
        if isinstance(node, promql_parser.MatrixSelector):
            name = node.vector_selector.name
            if name in raw_series() and node.range.total_seconds() > 16 * 60:
                long.append(name)
        return True

    for signal in SIGNALS:
        promql_parser.walk(promql_parser.parse(PromQL(Settings()).record(signal)), visit)

    assert long == []


def test_no_time_scale_changes_a_name() -> None:
    """Dashboards and habits rest on the names: they stay under any settings."""
    text = Text(TUNED, Settings(time_scale=60, scrape_interval="500ms", group_by=("cluster",)))
    recorded = re.findall(r"record: (\S+)", text.files()["alerts/sse-recording-rules.yaml"])

    assert sorted(recorded) == sorted(signal.record for signal in SIGNALS)


@pytest.mark.parametrize("alert", TUNED.alerts, ids=lambda alert: alert.name)
def test_runbook_serves_a_tired_person(alert: Alert) -> None:
    """Facts, impact, first minutes and mitigation fit 60 lines; all headings follow in order."""
    book = Text(TUNED, Settings()).runbooks()[f"runbooks/{alert.name}.md"]
    plain = re.sub(r"^ *```.*?^ *```$", "", book, flags=re.MULTILINE | re.DOTALL)

    assert re.findall(r"^## (.+)$", plain, re.MULTILINE) == ["Alert", *HEADINGS]
    assert book.split("\n## Meaning")[0].count("\n") <= 60
    assert "<<" not in re.sub(r"```console.*?```", "", book, flags=re.DOTALL)


@pytest.mark.parametrize("alert", CATALOG.alerts, ids=lambda alert: alert.name)
def test_alert_that_judges_a_share_has_a_minimum(alert: Alert) -> None:
    """One failure of two is 50 %: a share alone never fires."""
    signal = {s.record: s for s in SIGNALS}[alert.signals()[0]]
    # The fullest process against its limit is no share of events.
    if signal.unit == "percentunit" and alert.name != "SSEStreamSaturation":
        assert alert.guards


def test_extra_page_joins_under_the_same_checks(tmp_path: Path) -> None:
    """A user's own page becomes an alert; a contradiction in it names their file."""
    source = files("sse_observe.catalog") / "alerts" / "SSEMessageLoss.md"
    text = source.read_text(encoding="utf-8")
    (tmp_path / "SSELossOfOurs.md").write_text(text)
    names = {alert.name for alert in load(tmp_path).alerts}
    (tmp_path / "SSELossOfOurs.md").write_text(text.replace("$labels.route", "$labels.cluster"))

    assert "SSELossOfOurs" in names
    assert load(tmp_path, ["cluster"])
    with pytest.raises(CatalogError, match=r"SSELossOfOurs\.md: description: \$labels\.cluster"):
        load(tmp_path)


def test_extra_page_may_rest_on_a_promise_that_exists(tmp_path: Path) -> None:
    """A page compares with the settings' objectives, in its own term and in any other."""
    source = files("sse_observe.catalog") / "alerts" / "SSECompletionRateLow.md"
    page = tmp_path / "SSEOurs.md"
    settings = tmp_path / "sse-observe.yaml"
    settings.write_text("extra_alerts: .\nobjectives: {completion: 0.98}\n")
    page.write_text(source.read_text(encoding="utf-8"))
    tuned, _ = catalogue(settings)
    ours = next(alert for alert in tuned.alerts if alert.name == "SSEOurs")
    page.write_text(page.read_text().replace("objective.completion", "objective.window", 1))

    assert (ours.line(), ours.guards[0].line()) == (0.98, 0.98)
    with pytest.raises(CatalogError, match=r"SSEOurs\.md: objective\.window: no such promise; kn"):
        catalogue(settings)


def test_extra_page_may_not_take_a_name(tmp_path: Path) -> None:
    """A user's page never replaces one of ours in silence."""
    with (files("sse_observe.catalog") / "alerts" / "SSEMessageLoss.md").open("rb") as source:
        (tmp_path / "SSEMessageLoss.md").write_bytes(source.read())

    with pytest.raises(CatalogError, match="SSEMessageLoss is taken"):
        load(tmp_path)
