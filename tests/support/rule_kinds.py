"""
The kinds that rulers take, as their makers publish the types; a key that is not theirs is refused.

For those whose schemas no package carries.
"""

from typing import Literal

import msgspec

Duration = str


class Strict(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A shape without room for anything else."""


class PlainRule(Strict, rename={"hold_for": "for"}):
    """A rule of Prometheus 2.42 and later, of Mimir and Thanos."""

    expr: str
    record: str = ""
    alert: str = ""
    hold_for: Duration = ""
    keep_firing_for: Duration = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class PlainGroup(Strict):
    """A group of Prometheus."""

    name: str
    interval: Duration
    rules: list[PlainRule]


class PlainFile(Strict):
    """A rule file; Mimir's namespace is the file's name."""

    groups: list[PlainGroup]


class ThanosGroup(PlainGroup):
    """A group of Thanos, with one key more."""

    partial_response_strategy: Literal["abort", "warn"]


class ThanosFile(Strict):
    """A rule file of Thanos."""

    groups: list[ThanosGroup]


class GoogleRule(Strict, rename={"hold_for": "for"}):
    """`Rule` of monitoring.googleapis.com/v1: there is no `keep_firing_for`."""

    expr: str
    record: str = ""
    alert: str = ""
    hold_for: Duration = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class GoogleGroup(Strict):
    """`RuleGroup` of monitoring.googleapis.com/v1."""

    name: str
    interval: Duration
    rules: list[GoogleRule]


class GoogleSpec(Strict):
    """`RulesSpec` of monitoring.googleapis.com/v1."""

    groups: list[GoogleGroup]


class Metadata(Strict):
    """The part of a Kubernetes object's metadata that we write."""

    name: str
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class GoogleRules(Strict):
    """`Rules` and `ClusterRules`."""

    apiVersion: Literal["monitoring.googleapis.com/v1"]  # noqa: N815  (Kubernetes' own name)
    kind: Literal["Rules", "ClusterRules"]
    metadata: Metadata
    spec: GoogleSpec


class VMSpec(Strict):
    """`VMRuleSpec`: groups and rules have all keys of Prometheus, and more."""

    groups: list[PlainGroup]


class VMRule(Strict):
    """`VMRule` of VictoriaMetrics' operator."""

    apiVersion: Literal["operator.victoriametrics.com/v1beta1"]  # noqa: N815
    kind: Literal["VMRule"]
    metadata: Metadata
    spec: VMSpec


class GrafanaQuery(Strict):
    """`QueryV1` of Grafana's file provisioning."""

    refId: str  # noqa: N815
    relativeTimeRange: dict[str, int]  # noqa: N815
    datasourceUid: str  # noqa: N815
    model: dict[str, object]


class GrafanaRecord(Strict, rename={"of": "from"}):
    """`RecordV1` of Grafana's file provisioning."""

    metric: str
    of: str
    targetDatasourceUid: str  # noqa: N815


class GrafanaRule(Strict, rename={"hold_for": "for"}):
    """`AlertRuleV1` of Grafana's file provisioning."""

    uid: str
    title: str
    data: list[GrafanaQuery]
    condition: str = ""
    dashboardUid: str = ""  # noqa: N815
    panelId: int = 0  # noqa: N815
    noDataState: Literal["", "NoData", "Alerting", "OK", "KeepLast"] = ""  # noqa: N815
    execErrState: Literal["", "Alerting", "Error", "OK", "KeepLast"] = ""  # noqa: N815
    hold_for: Duration = ""
    keepFiringFor: Duration = ""  # noqa: N815
    missing_series_evals_to_resolve: int = 0
    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}
    notification_settings: dict[str, str] = {}
    record: GrafanaRecord | None = None


class GrafanaGroup(Strict):
    """`AlertRuleGroupV1` of Grafana's file provisioning."""

    orgId: int  # noqa: N815
    name: str
    folder: str
    interval: Duration
    rules: list[GrafanaRule]


class GrafanaFile(Strict):
    """A file of Grafana's alerting provisioning."""

    apiVersion: Literal[1]  # noqa: N815
    groups: list[GrafanaGroup]
