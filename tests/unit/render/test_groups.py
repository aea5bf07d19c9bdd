"""Groups of rules: their names and words stay, their times follow the settings."""

import re
from dataclasses import replace
from pathlib import Path

import yaml

from sse_observe.catalog.signals.recordings import SIGNALS
from sse_observe.render.bundle import catalogue
from sse_observe.render.groups import Rules
from sse_observe.render.settings import Settings
from tests.support.paths import ROOT
from tests.support.rendered import FILES, files, rules

TUNED, _ = catalogue(None)


def test_no_time_scale_changes_a_name() -> None:
    """Dashboards and habits rest on the names: they stay under any settings."""
    settings = Settings(time_scale=60, scrape_interval="500ms", group_by=("cluster",))
    groups = Rules(TUNED, settings).recordings()

    recorded = [rule.record for group in groups for rule in group.rules]
    assert sorted(recorded) == sorted(signal.record for signal in SIGNALS)


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


def test_the_board_of_an_alert_opens_at_the_time_that_it_looks_back() -> None:
    """The boards' own three hours; of a long window twice its length, in one unit for Grafana."""
    found = {
        (rule["alert"], rule["labels"].get("long")): rule["annotations"]["dashboard_url"]
        for rule in rules(FILES)
        if "alert" in rule
    }

    assert all(re.search(r"&from=now-\d+[hd]&to=now$", address) for address in found.values())
    assert found["SSEStreamsStalled", None].endswith("&from=now-3h&to=now")
    assert found["SSEErrorBudgetBurn", "1h"].endswith("&from=now-3h&to=now")
    assert found["SSEErrorBudgetBurn", "3d"].endswith("&from=now-6d&to=now")


def test_descriptions_name_the_labels_of_group_by(tmp_path: Path) -> None:
    """Each once, beside the job: on call, two clusters are two places to look at."""
    extra = tmp_path / "pages"
    extra.mkdir()
    page = (ROOT / "sse_observe/catalog/alerts/SSEMessageLoss.md").read_text()
    for name, text in (("Named", "In {{ $labels.cluster }}."), ("Bare", "Events are lost.")):
        own = re.sub(r"^description: .*$", f"description: '{text}'", page, flags=re.MULTILINE)
        (extra / f"SSEOwn{name}.md").write_text(own)
    rendered = files(tmp_path, "group_by: [cluster, zone]\nextra_alerts: pages\n")
    found = {r["alert"]: r["annotations"]["description"] for r in rules(rendered) if "alert" in r}

    assert len(found) > 20
    for text in found.values():
        assert text.count("$labels.cluster }}") == text.count("$labels.zone }}") == 1
    assert (
        "({{ $labels.job }}, cluster {{ $labels.cluster }}, zone {{ $labels.zone }})"
        in (found["SSEMessageLoss"])
    )
    assert found["SSEOwnNamed"] == "In {{ $labels.cluster }}. (zone {{ $labels.zone }})"


def test_the_users_own_words_go_before_ours(tmp_path: Path) -> None:
    """A summary in another language and a link into a wiki win, for one alert alone."""
    mine = {
        "summary": "Ereignisse gehen verloren",
        "description": "Meine Worte",
        "runbook_url": "https://wiki.test/x?pageId=1",
        "dashboard_url": "https://d.test/x",
    }
    text = yaml.safe_dump({"alerts": {"SSEMessageLoss": {"annotations": mine}}})
    words = {
        rule["alert"]: rule["annotations"]
        for rule in rules(files(tmp_path, text))
        if "alert" in rule
    }

    assert words["SSEMessageLoss"] == mine
    assert words["SSEReplayMiss"]["summary"] == "Clients resume, and the replay cannot serve them"


def test_a_selector_is_on_every_series_and_every_record(tmp_path: Path) -> None:
    """Records carry what tells them from another bundle's, and every query asks for it."""
    rendered = files(tmp_path, "selector: 'env=\"eu\"'\n")
    found = rules(rendered)

    assert all(rule["labels"]["env"] == "eu" for rule in found if "record" in rule)
    for rule in found:
        for name in re.findall(r"\b(?:route(?:_split)?:|sse_)[\w:]+", rule["expr"]):
            assert f'{name}{{env="eu"' in rule["expr"], (rule, name)
    assert "equal: [job, route, env]" in rendered["alerts/sse-alertmanager.yml"]
    for name, text in rendered.items():
        if name.startswith("dashboards/"):
            exprs = re.findall(r'"(?:expr|definition)": "((?:[^"\\]|\\.)*)"', text)
            assert exprs
            assert all('env=\\"eu\\"' in expr for expr in exprs), name


def test_time_scale_shortens_time_and_leaves_experience_alone(tmp_path: Path) -> None:
    """Durations shrink, thresholds per second grow; 5 s for a user stays 5 s."""
    rendered = files(tmp_path, "time_scale: 60\nscrape_interval: 500ms\n")
    found = {rule.get("record", rule.get("alert")): rule for rule in rules(rendered)}

    recordings = yaml.safe_load(rendered["alerts/sse-recording-rules.yaml"])
    assert {group["interval"] for group in recordings["groups"]} == {"500ms", "2s500ms"}
    assert found["route:sse_cuts:increase1h"]["expr"].rstrip().endswith("[1m]) * 2.5")
    assert "[5s500ms]" in found["route_split:sse_streams_opened:rate5m"]["expr"]
    assert "offset 5s)\n    / 5\n" in found["route:sse_streams_lost:rate5m"]["expr"]
    assert 'le=~"5(\\\\.0)?"' in found["route:sse_reconnects_slow:increase10m"]["expr"]
    assert "rate2m > 1.2\n" in found["SSEReconnectStorm"]["expr"]
    assert "rate2m > 60" in found["SSEReconnectStorm"]["expr"]
    assert found["SSEReconnectStorm"]["for"] == "2s"
    assert found["SSEHighReconnectLatency"]["expr"].startswith(
        "route:sse_reconnects_slow:ratio_rate10m > 0.05"
    )


def test_groups_have_the_interval_of_their_signals() -> None:
    """Usual signals every half minute, slow ones every two and a half."""
    groups = Rules(TUNED, Settings()).recordings()

    assert {group.interval for group in groups} == {"30s", "2m30s"}
    for group in groups:
        assert ("-slow" in group.name) == (group.interval == "2m30s")


def test_alerts_are_grouped_by_their_dashboard() -> None:
    """At most twenty rules, names of at most forty characters; an alert's windows together."""
    groups = Rules(TUNED, Settings()).alerts()

    assert sum(len(group.rules) for group in groups) == len(Rules(TUNED, Settings()).alert_rules())
    for group in groups:
        assert len(group.rules) <= 20
        assert len(group.name) <= 40
        assert {rule.alert.dashboard for rule in group.rules} == {
            board.name for board in TUNED.boards if board.name in group.name
        }
    homes = [{g.name for g in groups for r in g.rules if r.alert is a} for a in TUNED.alerts]
    assert all(len(home) == 1 for home in homes)


def test_twenty_more_alerts_open_another_group() -> None:
    """Whoever brings alerts of their own brings a group with them, and moves nobody."""
    more = [replace(alert, name=f"SSEMore{i}") for i in range(20) for alert in TUNED.alerts[:1]]
    groups = Rules(replace(TUNED, alerts=(*TUNED.alerts, *more)), Settings()).alerts()

    names = [group.name for group in groups]
    assert "sse-alerts-stream-health-2" in names
    assert all(len(group.rules) <= 20 for group in groups)
