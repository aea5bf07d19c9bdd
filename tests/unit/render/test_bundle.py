"""The bundle on disk: the same bytes each time, all or nothing, and nobody else's files."""

import json
import re
from pathlib import Path

import promql_parser
import pytest
import yaml

from sse_observe.catalog.load import raw_series
from sse_observe.errors import CatalogError, SettingsError
from sse_observe.render.banner import MARK
from sse_observe.render.bundle import bundle, catalogue, render, render_to, write
from sse_observe.render.check import check
from sse_observe.render.promql import PromQL
from sse_observe.render.settings import Settings
from tests.support.paths import ROOT

FILES = bundle(None).files


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    return tmp_path / "settings" / "sse-observe.yaml"


def rules(files: dict[str, str]) -> list[dict]:
    return [
        rule
        for name, text in files.items()
        if name.endswith(".yaml")
        for group in yaml.safe_load(text)["groups"]
        for rule in group["rules"]
    ]


def given(settings_file: Path, text: str) -> dict[str, str]:
    settings_file.parent.mkdir(exist_ok=True)
    settings_file.write_text(text)
    return bundle(settings_file).files


def test_rendering_twice_gives_the_same_bytes() -> None:
    """Nothing of the day, the machine or chance is in the files."""
    assert render(*catalogue(None)) == FILES


def test_committed_files_are_the_default_rendering() -> None:
    """The folders at the root are what `sse-observe render` writes."""
    report = check(ROOT, None)

    assert report.lines() == [], report.diff


def test_bundle_holds_what_it_promises() -> None:
    """Three boards, two rule files, routes, a runbook for each alert and their index."""
    alerts = {rule["alert"] for rule in rules(FILES) if "alert" in rule}

    assert set(FILES) == {
        "dashboards/stream-health.json",
        "dashboards/stall-detection.json",
        "dashboards/network-quality.json",
        "alerts/sse-recording-rules.yaml",
        "alerts/sse-alerts.yaml",
        "alerts/sse-alertmanager.yml",
        "runbooks/README.md",
        *(f"runbooks/{name}.md" for name in alerts),
    }
    assert len(alerts) == 22
    assert all(name in FILES["runbooks/README.md"] for name in alerts)


@pytest.mark.parametrize("name", FILES)
def test_file_carries_the_banner_and_ends_in_one_line_feed(name: str) -> None:
    """Whoever opens a file learns that it is rendered, and from what."""
    text = FILES[name]

    assert MARK in text
    assert "\r" not in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_alert_carries_words_and_links() -> None:
    """Summary, description, runbook and board with its variables set, on every alert."""
    for rule in rules(FILES):
        if "alert" not in rule:
            continue
        words = rule["annotations"]
        assert words["summary"]
        assert words["description"]
        assert words["runbook_url"].endswith(f"/{rule['alert']}.md")
        assert re.search(
            r"/d/sse-[a-z-]+\?var-job=\{\{ \$labels\.job \| urlquery \}\}", words["dashboard_url"]
        )
        assert rule["labels"]["severity"] in ("critical", "warning", "info")


def test_every_link_between_runbooks_resolves() -> None:
    """Nobody lands on a page that does not exist."""
    for name, text in FILES.items():
        for target in re.findall(r"\]\((\w+\.md)\)", text):
            assert f"runbooks/{target}" in FILES, name


def test_selector_reaches_every_raw_metric_and_no_signal(settings_file: Path) -> None:
    """A user's selector is in each raw selector once; signals are narrowed by it already."""
    files = given(settings_file, 'selector: \'{env="a,b" , zone=~"x|y"}\'\n')
    seen = set()

    def visit(node: object) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            matchers = {m.name for m in node.matchers.matchers}
            raw = node.name in {*raw_series(), "up"}
            assert ({"env", "zone"} <= matchers) == raw, node.name
            seen.add(node.name)
        return True

    for rule in rules(files):
        promql_parser.walk(promql_parser.parse(rule["expr"]), visit)

    assert "up" in seen
    assert 'sse_build_info{env="a,b", zone=~"x|y"}' in files["alerts/sse-recording-rules.yaml"]


def test_selector_reaches_the_runbooks_queries(settings_file: Path) -> None:
    """A query copied at night asks about the reader's own fleet; prose keeps its plain names."""
    book = given(settings_file, "selector: 'env=\"x\"'\n")["runbooks/SSEObserverFaults.md"]

    assert 'increase(sse_observer_faults_total{env="x"}[15m])' in book
    assert "counted in `sse_observer_faults_total` and" in book


def test_group_labels_stay_on_every_series(settings_file: Path) -> None:
    """What a fleet is told apart by survives every aggregation, match and link."""
    files = given(settings_file, "group_by: [cluster]\n")

    for rule in rules(files):
        for labels in re.findall(r"(?:by|on) \(([^)]*)\)", rule["expr"]):
            assert "cluster" in labels or labels in ("", "job, instance"), rule["expr"]
        if "alert" in rule:
            assert (
                "var-cluster={{ $labels.cluster | urlquery }}"
                in rule["annotations"]["dashboard_url"]
            )


def test_time_scale_shortens_time_and_leaves_experience_alone(settings_file: Path) -> None:
    """Durations shrink, thresholds per second grow; 5 s for a user stays 5 s."""
    files = given(settings_file, "time_scale: 60\nscrape_interval: 500ms\n")
    found = {rule.get("record", rule.get("alert")): rule for rule in rules(files)}

    recordings = yaml.safe_load(files["alerts/sse-recording-rules.yaml"])
    assert [group["interval"] for group in recordings["groups"]] == ["500ms", "2s500ms"]
    assert found["route:sse_cuts:increase1h"]["expr"].rstrip().endswith("[1m]) * 2.5")
    assert "[5s500ms]" in found["route_split:sse_streams_opened:rate5m"]["expr"]
    assert "offset 5s)\n    / 5\n" in found["route:sse_streams_lost:rate5m"]["expr"]
    assert 'le=~"5(\\\\.0)?"' in found["route:sse_reconnects_slow:increase10m"]["expr"]
    assert ">= 20 / 60)" in found["sse_stream_completion_rate"]["expr"]
    assert "rate2m > 1.2\n" in found["SSEReconnectStorm"]["expr"]
    assert "rate2m > 60" in found["SSEReconnectStorm"]["expr"]
    assert found["SSEReconnectStorm"]["for"] == "2s"
    assert found["SSEHighReconnectLatency"]["expr"].startswith(
        "route:sse_reconnects_slow:ratio_rate10m > 0.05"
    )


def test_a_count_is_as_often_as_what_it_counts() -> None:
    """A patient signal's sum is worth its own interval; two paces in one sum are refused."""
    promql = PromQL(Settings())
    counted = ('route:sse_cuts:rate5m{route=~"/[a-z]{2}"}', "route:sse_streams_lost:rate5m")
    cuts, lost = (f"sum_over_time({name}[1h])" for name in counted)

    assert promql.fill(f"{cuts} * << interval >>").endswith("* 150")
    assert promql.fill(f"{lost} * << interval >>").endswith("* 30")
    with pytest.raises(CatalogError, match="cannot be counted together"):
        promql.fill(f"({cuts} + {lost}) * << interval >>")


def test_hostile_words_survive_yaml(settings_file: Path) -> None:
    """Quotes, colons, line feeds and templates in a user's annotation arrive as they were."""
    word = "a: 'b' \"c\"\n# d {{ $value }} \\ ü \x85 << by >>"
    settings_file.parent.mkdir()
    settings_file.write_text(json.dumps({"annotations": {"note": word}}))

    files = bundle(settings_file).files

    assert {r["annotations"]["note"] for r in rules(files) if "alert" in r} == {word}


def test_disabled_alert_leaves_no_trace(settings_file: Path) -> None:
    """No rule, no runbook, no line in the index, no line on a board."""
    files = given(settings_file, "alerts: {SSEEventsOversized: {enabled: false}}\n")

    assert "runbooks/SSEEventsOversized.md" not in files
    assert "SSEEventsOversized" not in files["alerts/sse-alerts.yaml"]
    assert "| [SSEEventsOversized]" not in files["runbooks/README.md"]


def test_check_is_content_with_what_render_wrote(tmp_path: Path) -> None:
    """Render, then check: nothing to say."""
    written, _ = render_to(tmp_path, None)

    assert len(written) == len(FILES)
    assert check(tmp_path, None).lines() == []


def test_check_names_missing_stale_and_orphan(tmp_path: Path) -> None:
    """Each kind of difference is named, shown as a diff, and cured by one command."""
    render_to(tmp_path, None)
    (tmp_path / "runbooks/SSEMessageLoss.md").unlink()
    stale = tmp_path / "alerts/sse-alerts.yaml"
    stale.write_text(stale.read_text().replace("for: 1m", "for: 2m"))
    (tmp_path / "runbooks/SSEOld.md").write_text(f"<!-- {MARK} from x -->\n")

    report = check(tmp_path, None)

    assert report.lines() == [
        "missing runbooks/SSEMessageLoss.md",
        "stale alerts/sse-alerts.yaml",
        "orphan runbooks/SSEOld.md",
        f"3 files differ; run: sse-observe render --out {tmp_path}",
    ]
    assert "-        for: 2m\n+        for: 1m\n" in report.diff
    render_to(tmp_path, None)
    assert check(tmp_path, None).count == 0


def test_files_of_others_are_neither_listed_nor_touched(tmp_path: Path) -> None:
    """What lies beside ours without our banner is the user's own."""
    render_to(tmp_path, None)
    theirs = {
        tmp_path / "alerts/node.yaml": b"groups: []\n",
        tmp_path / "runbooks/Database.md": b"# ours\n",
        tmp_path / "dashboards/binary.json": b"\xff\xfe",
    }
    for path, content in theirs.items():
        path.write_bytes(content)

    assert check(tmp_path, None).lines() == []
    render_to(tmp_path, None)
    assert {path: path.read_bytes() for path in theirs} == theirs


def test_render_never_overwrites_a_file_of_others(tmp_path: Path) -> None:
    """A README that the user wrote stops the render before anything is written."""
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks/README.md").write_text("mine\n")

    with pytest.raises(SettingsError, match=r"README\.md: not rendered by sse-observe; move it"):
        render_to(tmp_path, None)

    assert (tmp_path / "runbooks/README.md").read_text() == "mine\n"
    assert not (tmp_path / "alerts").exists()


def test_failing_render_leaves_the_old_files_whole(tmp_path: Path) -> None:
    """Where one file cannot be written, no file changes, and no draft stays behind."""
    write({"alerts/a.yaml": f"{MARK} old\n"}, tmp_path)
    (tmp_path / "runbooks").write_text("a file where a folder should be")

    with pytest.raises(SettingsError, match=r"runbooks: .*choose a folder that can be written"):
        write({"alerts/a.yaml": f"{MARK} new\n", "runbooks/b.md": f"{MARK}\n"}, tmp_path)

    assert (tmp_path / "alerts/a.yaml").read_text() == f"{MARK} old\n"
    assert [path.name for path in (tmp_path / "alerts").iterdir()] == ["a.yaml"]
