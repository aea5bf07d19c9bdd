"""
A user's settings: every number and name that may be tuned, with its default.

Holds what was read and judged; `settings_file` reads, `settings_problems` judges.
"""

from typing import Literal, NamedTuple

import msgspec

from sse_observe.catalog.durations import seconds
from sse_observe.catalog.model import Interval, Severity, Window
from sse_observe.render.selection import Selection, selection
from sse_observe.render.severities import Severities
from sse_observe.render.target_settings import (
    Datadog,
    Drain,
    GrafanaAlerting,
    Mimir,
    Thanos,
    VictoriaMetrics,
)

FILE_NAME = "sse-observe.yaml"
"""The file that is read if none is named."""

ALERT = "{alert}"
"""The place of an alert's name in `runbook_url`, where it does not stand at the end."""

# The default of Prometheus.
DEFAULT_RETENTION_SECONDS = 15 * 86400.0


# With fewer than four samples a rate depends on where the ends of its window are.
ENOUGH = 4
LONGEST_INTERVAL = 60.0
"""Seconds between two scrapes, or two evaluations, at most: a 5m window needs four of them."""


class Intervals(NamedTuple):
    """Seconds between two evaluations: of usual signals, and of slow ones."""

    usual: float
    slow: float

    def of(self, interval: Interval) -> float:
        """Return the seconds of one interval."""
        return self.slow if interval == "slow" else self.usual


class Objectives(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Service level objectives, as ratios, over one window."""

    window: str = "30d"
    completion: float = 0.995
    goodput: float = 0.95
    first_event: float = 0.95
    resume: float = 0.99

    def ratio(self, name: str) -> float:
        """Return an objective by its name; KeyError where there is none."""
        ratios: dict[str, float] = {each: getattr(self, each) for each in OBJECTIVES}
        return ratios[name]


OBJECTIVES = tuple(
    field.name for field in msgspec.structs.fields(Objectives) if field.type is float
)
"""The names of the objectives."""


class AlertSettings(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"hold_for": "for", "guards": "and"},
):
    """
    A user's changes to one alert; what is not given stays as the page says.

    `guards` are numbers of the page's `and:`, by the signal that they are compared with.
    """

    enabled: bool = True
    threshold: float | None = None
    hold_for: str | None = None
    keep_firing_for: str | None = None
    severity: Severity | None = None
    guards: dict[str, float] = {}
    windows: tuple[Window, ...] | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Provisioning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    The stack of the target `provisioning`: its Prometheus' targets, as its container sees them.

    `redis` adds a store for streams that several hosts share.
    """

    job: str = "sse"
    targets: tuple[str, ...] = ("host.docker.internal:8000",)
    metrics_path: str = "/metrics"
    scheme: Literal["http", "https"] = "http"
    labels: dict[str, str] = {}
    trace_url: str = ""
    redis: bool = False


class Probes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    The prober (`sse-observe probe`) whose metrics the stack reads; none without its address.

    That of the stack's own prober, `prober:9470`, makes the stack bring one.
    `targets` are names of its configuration that Prometheus asks at its own pace.
    """

    prober: str = ""
    job: str = "sse-probe"
    targets: tuple[str, ...] = ()
    interval: str = "30s"
    timeout: str = "15s"

    @property
    def own(self) -> bool:
        """Whether it is a part of the stack."""
        return self.prober == "prober:9470"


class Kubernetes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    The target `kubernetes`: metadata of every object, and what the operator scrapes.

    Operators select rules by `labels`. `selector` holds the labels of the service's own Services or
    Pods, as `monitor` says, and its first one names the job; without any nothing is scraped.
    Without `scraped_namespace` they are where the objects are.
    """

    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    monitor: Literal["service", "pod"] = "service"
    selector: dict[str, str] = msgspec.field(
        default_factory=lambda: {"app.kubernetes.io/name": Provisioning().job}
    )
    scraped_namespace: str = ""
    port: str = "http"
    metrics_path: str = "/metrics"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Everything that a user may tune, with the defaults that the committed bundle has.

    `target` names the systems that the bundle is written for beside Prometheus and Grafana.
    `retention` is how long the data is kept that the rules read; not known without one.
    Without a `rule_interval`, rules are evaluated every 30 s, or every minute where scrapes come
    less often than that. `time_scale` is for tests and drills only: it divides every duration of
    the rules.
    """

    target: str | tuple[str, ...] = ()
    scrape_interval: str = "15s"
    rule_interval: str | None = None
    retention: str | None = None
    selector: str = ""
    group_by: tuple[str, ...] = ()
    runbook_url: str = "https://runbooks.example.invalid/sse"
    grafana_url: str = "https://grafana.example.invalid"
    objectives: Objectives = Objectives()
    alerts: dict[str, AlertSettings] = {}
    severities: Severities = Severities()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    extra_alerts: str | None = None
    kubernetes: Kubernetes = Kubernetes()
    drain: Drain = Drain()
    provisioning: Provisioning = Provisioning()
    probes: Probes = Probes()
    mimir: Mimir = Mimir()
    thanos: Thanos = Thanos()
    victoriametrics: VictoriaMetrics = VictoriaMetrics()
    grafana_alerting: GrafanaAlerting = GrafanaAlerting()
    datadog: Datadog = Datadog()
    time_scale: float = 1.0

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of targets; one alone may be written without a list."""
        return (self.target,) if isinstance(self.target, str) else self.target

    @property
    def selection(self) -> Selection:
        """The selector, with what finds the records that were made under it."""
        return selection(self.selector, self.group_by)

    @property
    def places(self) -> tuple[str, ...]:
        """Labels that every record and alert carries beside its own."""
        return tuple(dict.fromkeys((*self.group_by, *self.selection.marks)))

    @property
    def scrape_seconds(self) -> float:
        """Seconds between two scrapes, which no time scale changes."""
        return seconds(self.scrape_interval)

    @property
    def rule_seconds(self) -> float:
        """Seconds between two evaluations of the rules, under the time scale."""
        if self.rule_interval is not None:
            return seconds(self.rule_interval) / self.time_scale
        # Twice as often as there is something new says nothing twice as often. Shortened time
        # leaves scrapes as they are.
        usual = 30 if self.scrape_seconds <= 30 or self.time_scale != 1 else 60
        return usual / self.time_scale

    @property
    def shortest_window(self) -> float:
        """Seconds that a window has at least; shortened time stretches none."""
        return ENOUGH * self.scrape_seconds if self.time_scale == 1 else 0.0

    @property
    def intervals(self) -> Intervals:
        """Seconds between two evaluations of signals, under the time scale."""
        # 150 s: half of the 5m that slow rates look back, so that no event falls between two. Every
        # longer window is a multiple of it, so that a sum always has the same number of points.
        return Intervals(self.rule_seconds, max(self.rule_seconds, 150 / self.time_scale))

    def runbook(self, alert: str) -> str:
        """Return the address of an alert's runbook; a wiki's addresses have a pattern."""
        if ALERT in self.runbook_url:
            return self.runbook_url.replace(ALERT, alert)
        return f"{self.runbook_url}/{alert}.md"

    def dashboard(self, uid: str) -> str:
        """Return the address of a dashboard."""
        return f"{self.grafana_url}/d/{uid}"

    def warnings(self) -> list[str]:
        """Return what works and may still be wrong, one line each."""
        found = []
        default = Settings()
        if default.runbook_url == self.runbook_url or default.grafana_url == self.grafana_url:
            found.append(
                f"links in alerts lead nowhere yet: set runbook_url and grafana_url in {FILE_NAME}"
            )
        looks_back = seconds(self.objectives.window) / self.time_scale
        if self.retention is None and looks_back > DEFAULT_RETENTION_SECONDS:
            found.append(
                f"the error budget looks back {self.objectives.window}: start Prometheus with "
                f"--storage.tsdb.retention.time={self.objectives.window} or more (default 15d), "
                "and say so with `retention`"
            )
        return found
