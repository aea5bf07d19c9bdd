"""The user's own stack: what a drill asks of it, what it refuses, what it sees."""

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from sse_observe.catalog.durations import seconds
from sse_observe.catalog.load import load
from sse_observe.catalog.model import Catalog
from sse_observe.errors import LabError, SSEObserveError
from sse_observe.lab.drill.external_stack import (
    ExternalStack,
    ExternalStackOptions,
    external_stack,
)
from sse_observe.lab.drill.faults import fault_named
from sse_observe.lab.drill.service import Address
from sse_observe.render.settings import Settings
from sse_observe.render.tuning import tune
from sse_observe.report.query.address import APIAddress
from tests.support.json_api import JSONAPI

FREEZE = fault_named("freeze")
STALLED = "SSEStreamsStalled"
RULES, MANAGERS = "/api/v1/rules", "/api/v1/alertmanagers"
STATUS, ALERTS = "/api/v2/status", "/api/v2/alerts"
BOTH = {"prometheus": "http://p", "alertmanager": "http://a"}


class FakeStack(JSONAPI):
    """A Prometheus and an Alertmanager in one, as far as their APIs."""

    def rule(self, name: str) -> dict[str, Any]:
        """Return one rule, to be changed."""
        rules = self.documents[RULES]["data"]["groups"][0]["rules"]
        return next(rule for rule in rules if rule["name"] == name)

    def forget(self, name: str) -> None:
        """Unload a rule."""
        self.documents[RULES]["data"]["groups"][0]["rules"].remove(self.rule(name))


def catalog(settings: Settings | None = None) -> Catalog:
    return tune(load(), settings or Settings(), "test")


def basic(pair: str) -> str:
    """Return the header's value that signs in by a name and a password."""
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def healthy() -> dict[str, Any]:
    """Answer as those do that have all rules and one Alertmanager."""
    rules: list[dict[str, Any]] = [
        {"name": signal.record, "type": "recording"} for signal in load().signals
    ]
    for alert in catalog().alerts:
        waits = seconds(alert.hold_for) if alert.hold_for else 120
        rules.append({"name": alert.name, "type": "alerting", "duration": waits})
    return {
        RULES: {"data": {"groups": [{"rules": rules}]}},
        MANAGERS: {"data": {"activeAlertmanagers": [{"url": "http://elsewhere/api/v2/alerts"}]}},
        STATUS: {"versionInfo": {}},
        ALERTS: [],
    }


@pytest.fixture
def fake() -> Iterator[FakeStack]:
    """Answer on loopback until the test ends."""
    with FakeStack(healthy()) as running:
        yield running


def ignore(_: str) -> None:
    """Let an instruction pass."""


def stack(
    fake: FakeStack,
    on_instruction: Callable[[str], None] = ignore,
    settings: Settings | None = None,
) -> ExternalStack:
    return ExternalStack(
        APIAddress(fake.url, {}),
        APIAddress(fake.url, {}),
        [FREEZE],
        catalog=catalog(settings),
        settings=settings or Settings(),
        settings_name="sse-observe.yaml",
        address=Address("127.0.0.1", 9470),
        on_instruction=on_instruction,
    )


def test_a_stack_that_has_everything_is_accepted(fake: FakeStack) -> None:
    """Rules, their times, an Alertmanager: nothing to complain about."""
    stack(fake).check()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: t.forget(STALLED), f"no rule {STALLED}; render the bundle"),
        (
            lambda t: t.forget("route:sse_stalled_streams:avg5m"),
            "no rule route:sse_stalled_streams:avg5m",
        ),
        (lambda t: t.rule(STALLED).update(duration=10), "waits 10 s there, but 5m in sse-obs"),
        (lambda t: t.rule(STALLED).update(lastError="many-to-many"), "fails: many-to-many"),
        (lambda t: t.documents.update({MANAGERS: {"data": {}}}), "to no Alertmanager; name yours"),
        (lambda t: t.documents.update({STATUS: {}}), "no Alertmanager; check the address"),
        (lambda t: t.documents.update({RULES: b"<html>"}), "answered no JSON; check the address"),
        (lambda t: t.documents.update({RULES: {"status": "ok"}}), "no answer of a Prometheus"),
        (lambda t: t.documents.pop(RULES), "api/v1/rules answered 404"),
    ],
)
def test_what_is_missing_is_one_line_with_its_remedy(
    fake: FakeStack, spoil: Any, words: str
) -> None:
    """Nothing is started before the stack is as it must be, and the line says where it is wrong."""
    spoil(fake)

    with pytest.raises(LabError) as refused:
        stack(fake).check()

    (line,) = str(refused.value).splitlines()
    assert line.startswith(fake.url)
    assert words in line


def test_the_user_learns_what_to_scrape(fake: FakeStack) -> None:
    """The lines can be pasted: they are YAML, with the labels that the selector asks for."""
    lines: list[str] = []
    settings = Settings(selector='env="staging", cluster=~"eu-.*"', scrape_interval="10s")
    targets = {"drill": ["127.0.0.1:9470"], "drill-restart": ["0.0.0.0:9471"]}

    with ExitStack() as nothing:
        stack(fake, lines.append, settings).watch(nothing, targets)

    first, restart = yaml.safe_load("\n".join(lines[1:-1]))["scrape_configs"]
    assert first == {
        "job_name": "drill",
        "scrape_interval": "10s",
        "static_configs": [{"targets": ["127.0.0.1:9470"], "labels": {"env": "staging"}}],
    }
    assert restart["job_name"] == "drill-restart"
    assert not restart["static_configs"][0]["targets"][0].startswith("0.0.0.0")


def posted(name: str, state: str = "active", **labels: str) -> Mapping[str, Any]:
    return {
        "labels": {"alertname": name, "job": "drill", "route": FREEZE.path, **labels},
        "annotations": {"runbook_url": f"https://r/{name}.md"},
        "receivers": [{"name": "sse-page"}],
        "status": {"state": state},
    }


def test_what_alertmanager_holds_is_a_notification_once(fake: FakeStack) -> None:
    """It says who is notified, or that it is held back; what has gone from it is resolved."""
    watching = stack(fake)
    fake.documents[ALERTS] = [
        posted(STALLED),
        posted("SSEReplayMiss", "suppressed"),
        posted("SSEErrorBudgetBurn", long="3d"),
        posted("SSEMessageLoss", job="chat"),
    ]
    first, again = watching.new_notifications(), watching.new_notifications()
    fake.documents[ALERTS] = [posted("SSEReplayMiss", "suppressed")]
    (gone,) = watching.new_notifications()

    assert [(note.labels["alertname"], note.receiver) for note in first] == [
        (STALLED, "sse-page"),
        ("SSEReplayMiss", "(sse-page, held back)"),
    ]
    assert first[0].runbook_url == f"https://r/{STALLED}.md"
    assert again == []
    assert (gone.status, gone.labels["alertname"]) == ("resolved", STALLED)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prometheus": "http://p"}, "--prometheus, --alertmanager: give both"),
        ({"alertmanager": "http://a"}, "--prometheus, --alertmanager: give both"),
        ({"listen": "127.0.0.1:1"}, "--listen, --settings, --header: only with"),
        ({"settings": Path("x.yaml")}, "--listen, --settings, --header: only with"),
        ({"prometheus": ""}, "--prometheus, --alertmanager: give both"),
        (
            {"prometheus": "localhost:9090", "alertmanager": "http://a"},
            "--prometheus localhost:9090: not a web address",
        ),
        (
            {"prometheus": "http://p", "alertmanager": "a:9093"},
            "--alertmanager a:9093: not a web address",
        ),
        ({"headers": ("X: y",)}, "--listen, --settings, --header: only with"),
        ({"headers": ("nonsense s3cret",), **BOTH}, "--header: write it like"),
        ({"listen": "9470", **BOTH}, "--listen 9470: no address"),
        ({"listen": "h:70000", **BOTH}, "--listen h:70000: no address"),
    ],
)
def test_options_that_make_no_stack_are_one_line(options: Any, words: str) -> None:
    """Both addresses or neither, and each as it must be."""
    with pytest.raises(SSEObserveError) as refused:
        external_stack(ExternalStackOptions(**options), [FREEZE], ignore)

    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_without_options_there_is_no_stack() -> None:
    """The drill then starts one of its own."""
    assert external_stack(ExternalStackOptions(), [FREEZE], ignore) is None


def test_a_stack_takes_its_settings_and_its_address_from_the_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pace is that of the rules as they were rendered."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "ours.yaml"
    file.write_text("time_scale: 60\nscrape_interval: 500ms\n")

    given = external_stack(
        ExternalStackOptions(**BOTH, listen="h:9999", settings=file), [FREEZE], ignore
    )
    default = external_stack(ExternalStackOptions(**BOTH), [FREEZE], ignore)

    assert given is not None
    assert default is not None
    assert (given.scale, given.address) == (60, ("h", 9999))
    assert (default.scale, default.address) == (1, ("127.0.0.1", 9470))


@pytest.mark.parametrize("way", ["in the URL", "as a header"])
def test_each_program_of_a_stack_is_signed_in_to(way: str) -> None:
    """Each request to the Alertmanager carries its own name and password, or the header."""
    documents = healthy()
    for path in (STATUS, ALERTS):
        documents[f"/alertmanager{path}"] = documents.pop(path)
    with FakeStack(documents) as fake:
        host = fake.url.removeprefix("http://")
        in_url = way == "in the URL"
        names = ("me:hunter2@", "you:hunter3@") if in_url else ("", "")
        options = ExternalStackOptions(
            prometheus=f"http://{names[0]}{host}",
            alertmanager=f"http://{names[1]}{host}/alertmanager/",
            headers=() if in_url else ("Authorization: Bearer hunter4",),
        )
        given = external_stack(options, [FREEZE], ignore)
        assert given is not None
        given.check()
        given.new_notifications()

    sent = {path.startswith("/alertmanager"): token for path, token in fake.signed}
    bearer = "Bearer hunter4"
    expected = (basic("me:hunter2"), basic("you:hunter3")) if in_url else (bearer, bearer)
    assert (sent[False], sent[True]) == expected
    assert {path.partition("?")[0] for path, _ in fake.signed} >= {
        f"/alertmanager{path}" for path in (STATUS, ALERTS)
    }


@pytest.mark.parametrize("path", [STATUS, ALERTS])
def test_an_alertmanager_that_wants_credentials_says_how_they_are_given(path: str) -> None:
    """One line with the address, and no password of it."""
    with FakeStack(healthy(), refuses=path) as fake:
        host = fake.url.removeprefix("http://")
        given = external_stack(
            ExternalStackOptions(prometheus=fake.url, alertmanager=f"http://me:hunter2@{host}"),
            [FREEZE],
            ignore,
        )
        assert given is not None
        with pytest.raises(SSEObserveError, match="add --header") as refused:
            given.check() if path == STATUS else given.new_notifications()

    (line,) = str(refused.value).splitlines()
    assert host in line
    assert "hunter2" not in line


def test_only_alerts_that_end_with_the_drill_are_seen(fake: FakeStack) -> None:
    """Other jobs, and pairs of windows that look back for days, are none of its business."""

    def active(**labels: str) -> dict[str, Any]:
        return {
            "labels": {"alertname": "SSEErrorBudgetBurn", "job": "drill", **labels},
            "annotations": {},
            "state": "firing",
            "value": "1",
        }

    alerts = [active(long="1h"), active(long="3d"), active(job="chat")]
    fake.documents["/api/v1/alerts"] = {"data": {"alerts": alerts}}
    fake.documents["/api/v1/query?query=up"] = {"data": {"resultType": "vector", "result": []}}

    (seen,) = stack(fake).observe("up").alerts

    assert seen.labels["long"] == "1h"
