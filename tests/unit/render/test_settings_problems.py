"""Settings of the right type that are wrong all the same."""

from pathlib import Path

import pytest

from tests.support.settings import refusal

WRONG = {
    "objectives: {completion: 1.5}": "objectives.completion: 1.5: an objective is a ratio "
    "between 0 and 1; write 0.995 for 99.5 %",
    "objectives: {completion: 99.5}": "objectives.completion: 99.5: an objective is a ratio",
    "objectives: {completion: .nan}": "objectives.completion: nan: an objective is a ratio",
    "objectives: {window: month}": "objectives.window: 'month' is no duration; write it like",
    "scrape_interval: 61s": "scrape_interval: 61s: the rules look back 5m, which must hold 4 of "
    "them; write 1m or less",
    "rule_interval: 5m": "rule_interval: 5m: the rules look back 5m, which must hold 4 of them",
    "rule_interval: 45s": "rule_interval: 45s: 5m is no multiple of it",
    "scrape_interval: 0s": "scrape_interval: '0s' is zero",
    "time_scale: 0.5": "time_scale: 0.5: time can only be shortened",
    "selector: env=prod": "selector: 'env=prod': no PromQL matchers; write them like",
    "group_by: [route]": "group_by: 'route': not a label of your own",
    "group_by: [a-b]": "group_by: 'a-b': not a label of your own",
    "selector: 'env=~\"(\"'": 'selector: env=~"(": no regular expression: missing )',
    'selector: \'a="b", env=~"(?!a)b"\'': 'selector: env=~"(?!a)b": Prometheus\' regular',
    "objectives: {window: 100y}": "objectives.window: 100y: an error budget is one of days",
    "objectives: {window: 1m}": "objectives.window: 1m: an error budget is one of days",
    "retention: soon": "retention: 'soon' is no duration",
    "retention: 15d": "objectives.window: 30d: the data is kept for 15d alone (retention);",
    "{retention: 2d, objectives: {window: 1d}}": "retention: 2d: SSEErrorBudgetBurn looks back 3d;",
    "alerts: {SSEErrorBudgetBurn: {windows: []}}": "alerts.SSEErrorBudgetBurn.windows: []: no",
    "runbook_url: runbooks": "runbook_url: 'runbooks': no web address; write it like https://",
    "grafana_url: 'https://g /x'": "grafana_url: 'https://g /x': no web address",
    "probes: {prober: here}": "probes.prober: 'here': no address; write host:port",
    "probes: {targets: [a]}": "probes.targets: nobody would ask them; give probes.prober",
    "probes: {prober: 'a:1', interval: often}": "probes.interval: 'often' is no duration",
    "drain: {container: My App}": "drain.container: 'My App': no name of a container; write it",
    "drain: {port: '8000'}": "drain.port: '8000': no name of a port; write it like http",
    "drain: {seconds: 0}": "drain.seconds: 0: no time to wait for; write seconds above 0, at",
    "drain: {file: '/a; rm'}": "drain.file: '/a; rm': no plain path; write it like /tmp/sse-drain",
    "drain: {readiness: ready}": "drain.readiness: 'ready': no path; write it like",
    "kubernetes: {namespace: Mine}": "kubernetes.namespace: 'Mine': no namespace; write it like",
    "kubernetes: {labels: {'a b': c}}": "kubernetes.labels: 'a b': no key of Kubernetes; write it",
    "kubernetes: {labels: {a: 'b c'}}": "kubernetes.labels.a: 'b c': no value of a label in",
    "kubernetes: {selector: {a: 'b c'}}": "kubernetes.selector.a: 'b c': no value of a label in",
    "kubernetes: {scraped_namespace: Its}": "kubernetes.scraped_namespace: 'Its': no namespace",
    "kubernetes: {port: '8000'}": "kubernetes.port: '8000': no name of a port; write it like http",
    "kubernetes: {metrics_path: m}": "kubernetes.metrics_path: 'm': no path; write it like /metric",
    "kubernetes: {annotations: {'-': x}}": "kubernetes.annotations: '-': no key of Kubernetes",
    "labels: {severity: page}": "labels: 'severity': the rules set this label themselves",
    "annotations: {a-b: x}": "annotations: 'a-b': no label name",
    "alerts: {SSEMessageLoss: {for: soon}}": "alerts.SSEMessageLoss.for: 'soon' is no duration",
    "alerts: {SSEErrorBudgetBurn: {windows: [{long: 1h, short: 5m, factor: -1, for: 5m, "
    "severity: info}]}}": "alerts.SSEErrorBudgetBurn.windows.0.factor: -1: a burn rate is above 0",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:40])
def test_wrong_value_gets_one_line_with_key_and_remedy(text: str, tmp_path: Path) -> None:
    """A user reads which value cannot be, and one that can."""
    assert WRONG[text] in refusal(tmp_path, text)
