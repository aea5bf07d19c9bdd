"""
A user's settings for single targets: what each system is called, and what it holds.

A part of `settings`; only a target's own module reads its part.
"""

from typing import Literal

import msgspec


class Mimir(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mimir or Grafana Cloud: where its ruler is, the tenant, and the ruler's limits."""

    address: str = "http://mimir.example.invalid"
    tenant: str = "anonymous"
    # The defaults of `ruler_max_rules_per_rule_group` and `ruler_max_rule_groups_per_tenant`.
    rules_per_group: int = 20
    groups: int = 70


class Thanos(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Thanos ruler: what it does while a store does not answer."""

    # With `warn` a store that is away looks like a job that is away.
    partial_response: Literal["abort", "warn"] = "abort"


class VictoriaMetrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """VictoriaMetrics: what its vmalert understands."""

    # vmalert knows it from 1.90 on, and refuses the file before.
    keep_firing_for: bool = True


class GrafanaAlerting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Grafana's own alerting: the data source that it asks, and where its rules live."""

    datasource_uid: str = "prometheus"
    folder: str = "SSE"
    contact_point: str = ""


class Drain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    The target `kubernetes`: what the application gives `drain()`, and how its pod names it.

    `port` is the name of the application's own, which answers `readiness`.
    """

    container: str = "app"
    port: str = "http"
    seconds: float = 30.0
    file: str = "/tmp/sse-drain"  # noqa: S108 - in a container of its own
    readiness: str = "/ready"


class Datadog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Datadog: what its Agent asks, how the service is called there, and who is notified."""

    endpoint: str = "http://localhost:8000/metrics"
    service: str = "chat"
    notify: str = ""
