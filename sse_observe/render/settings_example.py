"""
The settings file with every key: its value, and a comment that says what it is for.

What it prints is read back as the same settings. A key without words here fails the tests.
"""

import json
from collections.abc import Iterator, Mapping

import msgspec

from sse_observe.catalog.model import Alert, Catalog
from sse_observe.render.expressions import number
from sse_observe.render.settings import FILE_NAME, AlertSettings, Settings

WORDS: Mapping[str, str] = {
    "target": "Who else takes the bundle, beside Prometheus and Grafana: `sse-observe render "
    "--help` lists the names.",
    "scrape_interval": "How often Prometheus scrapes your service, up to 60s. Windows hold at "
    "least four scrapes: above 30s some are stretched.",
    "rule_interval": "How often rules are evaluated: 30s, or 60s where scrapes come less often "
    "than every 30s. 5m must be a multiple of it.",
    "retention": "How long the data is kept that the rules read. What looks back farther is "
    "refused.",
    "selector": 'Matchers that every raw metric gets, such as env="production".',
    "group_by": "Labels of your own that stay beside job and route, such as cluster.",
    "runbook_url": "Where the runbooks are: alerts link to <runbook_url>/<AlertName>.md, or to the "
    "address with {alert} replaced.",
    "grafana_url": "Where your Grafana is; alerts link to its boards.",
    "objectives": "Service level objectives, as ratios.",
    "objectives.window": "What the error budget is counted over.",
    "objectives.completion": "Streams that reach their end.",
    "objectives.goodput": "Streams that reach their end within the limits that their route "
    "declares; it counts only where one does.",
    "objectives.first_event": "Streams whose first event comes in time.",
    "objectives.resume": "Resumptions that the replay can serve.",
    "severities": "Your names for our severities, as the label `severity` has them.",
    "severities.critical": "Users are hurt now: somebody is woken.",
    "severities.warning": "Act on the next working day.",
    "severities.info": "Nobody has to act.",
    "alerts": "Changes to single alerts, by name: "
    f"{', '.join(field.encode_name for field in msgspec.structs.fields(AlertSettings))}. "
    "Without any, each is:",
    "labels": "Labels that every alert gets.",
    "annotations": "Annotations that every alert gets.",
    "extra_alerts": "A folder with alert pages of your own, relative to this file.",
    "kubernetes": "For `--target kubernetes`: the metadata of its objects, and what is scraped.",
    "kubernetes.namespace": "Where they live; without one the namespace of whoever applies them.",
    "kubernetes.labels": "Labels, such as the one that your operator selects rules by.",
    "kubernetes.annotations": "Annotations.",
    "kubernetes.monitor": "What has the labels below: service or pod.",
    "kubernetes.selector": "Labels of your service; the value of the first is the job. {} if it is "
    "scraped already.",
    "kubernetes.scraped_namespace": "Where your service lives; without one where these objects do.",
    "kubernetes.port": "The name of the port with /metrics.",
    "kubernetes.metrics_path": "Where /metrics is.",
    "drain": "For `--target kubernetes`: what your application gives `drain()`, and how its pod "
    "names it.",
    "drain.container": "The name of its container.",
    "drain.port": "The name of its port, which answers readiness.",
    "drain.seconds": "As in `drain(app, seconds=30)`.",
    "drain.file": "As in `drain(app, file=...)`.",
    "drain.readiness": "As in `drain(app, readiness=...)`.",
    "provisioning": "What the stack of `--target provisioning` scrapes.",
    "provisioning.job": "The name of your service.",
    "provisioning.targets": "Hosts and ports, as a container sees them.",
    "provisioning.metrics_path": "Where /metrics is.",
    "provisioning.scheme": "http or https.",
    "provisioning.labels": "Labels that its series get.",
    "provisioning.trace_url": "Where an exemplar leads, with {trace_id} in it.",
    "provisioning.redis": "Whether it brings a store for streams that several hosts share.",
    "probes": "The prober, `sse-observe probe`: scraped by the stack, a Probe in Kubernetes.",
    "probes.prober": "Its host and port; without it nothing asks. prober:9470 is one that the "
    "stack brings.",
    "probes.job": "The job of its series.",
    "probes.targets": "Names of its targets that Prometheus asks at its own pace.",
    "probes.interval": "That pace.",
    "probes.timeout": "How long one probe may take.",
    "mimir": "For `--target mimir`: Mimir, Grafana Cloud, Amazon.",
    "mimir.address": "Where its ruler's API is; the README's commands use it.",
    "mimir.tenant": "The tenant, X-Scope-OrgID.",
    "mimir.rules_per_group": "Its limit ruler_max_rules_per_rule_group.",
    "mimir.groups": "Its limit ruler_max_rule_groups_per_tenant.",
    "thanos": "For `--target thanos`.",
    "thanos.partial_response": "What a rule does while a store is away: abort or warn.",
    "victoriametrics": "For `--target victoriametrics`.",
    "victoriametrics.keep_firing_for": "Whether your vmalert knows it: from 1.90 on.",
    "grafana_alerting": "For `--target grafana-alerting`.",
    "grafana_alerting.datasource_uid": "The Prometheus data source that Grafana asks, and writes "
    "records to.",
    "grafana_alerting.folder": "The folder of the rules.",
    "grafana_alerting.contact_point": "Who is told; without one the notification policies decide.",
    "datadog": "For `--target datadog`.",
    "datadog.endpoint": "Where the Agent finds your /metrics.",
    "datadog.service": "The tag `service` of your service.",
    "datadog.notify": "Who is notified, such as @pagerduty-sse; it stands in each message.",
    "time_scale": "For tests and drills only: divides every duration of the rules.",
}
"""What each key is for, by its path."""

_EXAMPLES: Mapping[str, str] = {
    "rule_interval": "30s",
    "retention": "30d",
    "extra_alerts": "our-alerts",
}
"""Values of keys that have none by default; they are printed as comments."""


def settings_example(settings: Settings, catalog: Catalog) -> str:
    """Return a whole settings file; `catalog` is tuned by the settings."""
    lines = [
        f"# Settings of sse-observe: every key and its value. Keep in {FILE_NAME} what you change;",
        "# all else may be left out.",
        *_section("", settings, catalog),
    ]
    return "\n".join(lines) + "\n"


def _section(prefix: str, part: msgspec.Struct, catalog: Catalog) -> Iterator[str]:
    margin = "  " if prefix else ""
    for field in msgspec.structs.fields(part):
        key, value = f"{prefix}{field.encode_name}", getattr(part, field.name)
        if not prefix:
            yield ""
        yield f"{margin}# {WORDS[key]}"
        if key == "alerts":
            yield from (f"#   {alert.name}: {_facts(alert)}" for alert in catalog.alerts)
        if isinstance(value, msgspec.Struct):
            yield f"{field.encode_name}:"
            yield from _section(f"{key}.", value, catalog)
        elif value is None:
            yield f"{margin}# {field.encode_name}: {_EXAMPLES[key]}"
        else:
            yield f"{margin}{field.encode_name}: {_flow(value)}"


def _facts(alert: Alert) -> str:
    """Return what may be changed of an alert, as it stands."""
    facts: dict[str, object] = {}
    if alert.windows:
        facts["windows"] = alert.windows
    else:
        facts["threshold"] = float(number(alert.line()))
        facts["for"] = alert.hold_for
    if alert.keep_firing_for:
        facts["keep_firing_for"] = alert.keep_firing_for
    if not alert.windows:
        facts["severity"] = alert.severity
    if alert.guards:
        facts["and"] = {guard.signal: float(number(guard.line())) for guard in alert.guards}
    return _flow(facts)


def _flow(value: object) -> str:
    """Return a value on one line; JSON is YAML."""
    plain = msgspec.to_builtins(value)
    if isinstance(plain, dict):
        plain = {
            name: entry
            for name, entry in plain.items()
            if not (isinstance(entry, dict) and not entry)
        }
    return json.dumps(plain, ensure_ascii=False)
