"""More than one Prometheus: pairs, agents, shards and clusters, each with real processes."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from sse_observe.lab.programs.alertmanager import Alertmanager
from sse_observe.lab.programs.prometheus import Prometheus, PrometheusAPI
from sse_observe.lab.programs.server import Server
from sse_observe.lab.programs.webhook import Webhook
from sse_observe.render.bundle import render_to
from sse_observe.report.run import ReportRequest, run_report
from tests.support.agent import agent
from tests.support.exporter import Exporter, Series, steadily
from tests.support.programs import needs
from tests.support.rendered import settings_file
from tests.support.services import HEALTHY, level
from tests.support.victoria import Victoria
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.long]

SCALE = 60
SCRAPE = "250ms"
FAST = f"time_scale: {SCALE}\nscrape_interval: {SCRAPE}\nrule_interval: 30s\n"
# Prometheus looks back 5m for a last sample.
LOOK_BACK = f"--query.lookback-delta={300 // SCALE}s"
WELL = steadily(HEALTHY)


def stalled(streams: float) -> Series:
    """Return a service in which so many of a hundred streams stall."""
    gauges = {key: level(streams) for key in HEALTHY if key[0] == "sse_stalled_streams"}
    return {**WELL, **gauges}


class Judge(Prometheus):
    """A Prometheus with labels of its own, some of which its alerts do not carry."""

    def __init__(
        self,
        directory: Path,
        *,
        rules: Iterable[Path] = (),
        targets: Mapping[str, list[str]],
        external: Mapping[str, str] | None = None,
        dropped: str = "",
        alertmanager: str | None = None,
    ) -> None:
        super().__init__(
            directory,
            targets=targets,
            rules=[*rules],
            scrape_interval=SCRAPE,
            rule_interval="500ms",
            alertmanager=alertmanager,
            program=needs("prometheus"),
            flags=[LOOK_BACK],
        )
        self._config["global"]["external_labels"] = dict(external or {})
        if dropped:
            self._config["alerting"]["alert_relabel_configs"] = [
                {"action": "labeldrop", "regex": dropped}
            ]

    def forward(self, to: str) -> None:
        """Write all that it scrapes to somebody else, from its start on."""
        queue = {"batch_send_deadline": "200ms"}
        self._config["remote_write"] = [{"url": to, "queue_config": queue}]

    @property
    def write(self) -> str:
        """Where others write to."""
        return f"{self.url}/api/v1/write"


@pytest.fixture
def rules(tmp_path: Path) -> list[Path]:
    """Return the rule files, in shortened time."""
    return rule_files(tmp_path, FAST)


def rule_files(folder: Path, text: str) -> list[Path]:
    render_to(folder / "bundle", settings_file(folder, text))
    return sorted((folder / "bundle/alerts").glob("*.yaml"))


@contextmanager
def pager(folder: Path, group_by: list[str]) -> Iterator[tuple[Webhook, Alertmanager]]:
    """Run an Alertmanager and what it tells."""
    hook = Webhook()
    with (
        Server(hook) as server,
        Alertmanager(folder / "am", webhook=server.url, group_by=group_by) as manager,
    ):
        yield hook, manager


def firing(api: PrometheusAPI) -> set[tuple[str, str, str]]:
    """Return what fires: alert, job, cluster."""
    return {
        (one.name, one.labels.get("job", ""), one.labels.get("cluster", ""))
        for one in api.alerts()
        if one.state == "firing"
    }


def reported(api: PrometheusAPI, settings: Path | None = None) -> list[tuple[str, str]]:
    """Return what the report says that fired, with its job."""
    found = run_report(ReportRequest(prometheus=api.url, since="2m", settings=settings))
    assert found.complete
    return [(one.alert, dict(one.labels).get("job", "")) for one in found.incident.fired]


def value(api: PrometheusAPI, query: str) -> list[float]:
    return [sample.value for sample in api.query(query)]


def test_a_pair_tells_once(tmp_path: Path, rules: list[Path]) -> None:
    """Two Prometheus with replica labels, one Alertmanager: each alert arrives once."""
    with ExitStack() as stack:
        service = stack.enter_context(Exporter(WELL, time_scale=SCALE))
        hook, manager = stack.enter_context(pager(tmp_path, ["alertname", "route"]))
        pair = [
            stack.enter_context(
                Judge(
                    tmp_path / name,
                    rules=rules,
                    targets={"chat": [service.address]},
                    external={"replica": name},
                    dropped="replica",
                    alertmanager=manager.address,
                )
            )
            for name in "ab"
        ]
        wait_until(lambda: all(value(one, "route:sse_streams_stalled:ratio5m") for one in pair))
        service.series = stalled(20)
        wait_until(lambda: all(firing(one) for one in pair), "both fire")
        wait_until(lambda: hook.received, "somebody is told")
        # One of them dies in the middle of it: the other holds the alert.
        pair[0].stop()
        time.sleep(3)
        while_away = [one.status for one in hook.received]
        service.series = WELL
        wait_until(lambda: hook.received[-1].status == "resolved", "it is over")
        report = reported(pair[1])

    assert {one.labels["alertname"] for one in hook.received} == {"SSEStreamsStalled"}
    assert not any("replica" in one.labels for one in hook.received)
    assert set(while_away) == {"firing"}
    assert [one.status for one in hook.received].count("resolved") == 1
    assert report == [("SSEStreamsStalled", "chat")]


def test_doubled_series_count_once_where_the_store_removes_doubles(tmp_path: Path) -> None:
    """Two agents write what one process says: a store that keeps one sample shows a hundred."""
    with ExitStack() as stack:
        service = stack.enter_context(Exporter(WELL, time_scale=SCALE))
        store = stack.enter_context(Victoria(tmp_path / "vm", f"-dedup.minScrapeInterval={SCRAPE}"))
        for name in "ab":
            stack.enter_context(
                agent(
                    tmp_path / name,
                    targets={"chat": [service.address]},
                    to=f"{store.url}/api/v1/write",
                    interval=SCRAPE,
                )
            )
        opened = 'sum(rate(sse_streams_opened_total{start="fresh"}[5s]))'
        wait_until(lambda: value(store, opened))
        time.sleep(6)
        open_streams = value(store, "sum by (job, route) (sse_concurrent_streams)")
        started = value(store, f"{opened} / {SCALE}")

    assert open_streams == [100]
    assert started == [pytest.approx(1, abs=0.2)]


def test_without_that_counts_double_and_shares_hold(tmp_path: Path, rules: list[Path]) -> None:
    """With replica labels and nobody to remove doubles: no alert is false, numbers are twofold."""
    with ExitStack() as stack:
        service = stack.enter_context(Exporter(WELL, time_scale=SCALE))
        judge = stack.enter_context(Judge(tmp_path / "judge", rules=rules, targets={}))
        for name in "ab":
            stack.enter_context(
                agent(
                    tmp_path / name,
                    targets={"chat": [service.address]},
                    to=judge.write,
                    interval=SCRAPE,
                    labels={"replica": name},
                )
            )
        wait_until(lambda: value(judge, "route:sse_streams_open:sum") == [200], "both arrive")
        service.series = stalled(20)
        wait_until(lambda: firing(judge), "it fires")
        named = [one for one in judge.alerts() if one.state == "firing"]
        shares = value(judge, "route:sse_streams_stalled:ratio5m")
        report = reported(judge)

    assert [one.name for one in named] == ["SSEStreamsStalled"]
    assert "replica" not in named[0].labels
    assert shares[0] <= 0.2
    assert report == [("SSEStreamsStalled", "chat")]


def test_one_dead_job_behind_an_agent_is_named(tmp_path: Path, rules: list[Path]) -> None:
    """Killed with its agent, so that neither a mark nor `up` tells: the other job stays quiet."""
    with ExitStack() as stack:
        jobs = {name: stack.enter_context(Exporter(WELL, time_scale=SCALE)) for name in ("a", "b")}
        judge = stack.enter_context(Judge(tmp_path / "judge", rules=rules, targets={}))
        agents = {
            name: stack.enter_context(
                agent(
                    tmp_path / name,
                    targets={name: [service.address]},
                    to=judge.write,
                    interval=SCRAPE,
                )
            )
            for name, service in jobs.items()
        }
        wait_until(lambda: len(value(judge, "route:sse_telemetry_present:bool == 1")) == 2)
        agents["a"].signal(9)
        wait_until(lambda: firing(judge), "it is named")
        named = firing(judge)
        marks = value(judge, 'up{job="a"}')
        report = reported(judge)

    assert named >= {("SSETelemetryAbsent", "a", "")}
    assert {job for _, job, _ in named} == {"a"}
    assert marks == []
    assert report[0] == ("SSETelemetryAbsent", "a")
    assert {job for _, job in report} == {"a"}


def test_a_global_ruler_sees_what_no_shard_sees(tmp_path: Path, rules: list[Path]) -> None:
    """Four stalled streams on each of two shards: eight together, beyond the least number."""
    with ExitStack() as stack:
        services = [stack.enter_context(Exporter(WELL, time_scale=SCALE)) for _ in "ab"]
        judge = stack.enter_context(Judge(tmp_path / "global", rules=rules, targets={}))
        for name, service in zip("ab", services, strict=True):
            # The recipe: shards load no rules, or their records would arrive beside those of all.
            shard = Judge(
                tmp_path / name, targets={"chat": [service.address]}, external={"shard": name}
            )
            shard.forward(judge.write)
            stack.enter_context(shard)
        one_shard = stack.enter_context(
            Judge(tmp_path / "one", rules=rules, targets={"chat": [services[0].address]})
        )
        wait_until(lambda: value(judge, "route:sse_streams_open:sum") == [200], "both arrive")
        for service in services:
            service.series = few_stalled()
        wait_until(lambda: firing(judge), "the global ruler fires")
        alone = firing(one_shard)
        together = firing(judge)
        report = reported(judge)

    assert together == {("SSEStreamsStalled", "chat", "")}
    assert alone == set()
    assert report == [("SSEStreamsStalled", "chat")]


def few_stalled() -> Series:
    """Return a service with ten open streams, four of which stall."""
    few = {key: level(10) for key in HEALTHY if key[0] == "sse_concurrent_streams"}
    return {**stalled(4), **few}


def test_clusters_are_told_apart(tmp_path: Path) -> None:
    """One store for two clusters: the fault of one is not thinned out by the other."""
    files = rule_files(tmp_path, FAST + "group_by: [cluster]\n")
    with ExitStack() as stack:
        services = {
            name: stack.enter_context(Exporter(WELL, time_scale=SCALE)) for name in ("eu", "us")
        }
        judge = stack.enter_context(Judge(tmp_path / "judge", rules=files, targets={}))
        for name, service in services.items():
            stack.enter_context(
                agent(
                    tmp_path / name,
                    targets={"chat": [service.address]},
                    to=judge.write,
                    interval=SCRAPE,
                    labels={"cluster": name},
                )
            )
        wait_until(lambda: len(value(judge, "route:sse_streams_stalled:ratio5m")) == 2)
        services["eu"].series = stalled(8)
        wait_until(lambda: firing(judge), "it is named")
        named = firing(judge)
        report = reported(judge, tmp_path / "sse-observe.yaml")

    assert named == {("SSEStreamsStalled", "chat", "eu")}
    assert report == [("SSEStreamsStalled", "chat")]
