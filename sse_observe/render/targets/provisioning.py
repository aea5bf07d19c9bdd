"""
A stack around the user's service: Prometheus, Alertmanager and Grafana with the bundle loaded.

Says where each program finds the bundle's files; holds no copy of any of them.
"""

import re
from collections.abc import Iterator

from sse_observe.catalog.durations import duration, seconds
from sse_observe.catalog.promql import Matcher, matchers
from sse_observe.errors import SettingsError
from sse_observe.render.settings import DEFAULT_RETENTION_SECONDS, Settings
from sse_observe.render.target import Rendering, Target
from sse_observe.render.text import fill

FOLDER = "provisioning"
FILES = (
    "compose.yaml",
    "prometheus/prometheus.yml",
    "grafana/datasources/sse-observe.yaml",
    "grafana/dashboards/sse-observe.yaml",
)
PROBER = "prober/example.yaml"


def stack(rendering: Rendering) -> dict[str, str]:
    """
    Return the files of the stack by path.

    SettingsError where its service is not one that the rules look at.
    """
    settings = rendering.settings
    for label, reason in _unselected(settings):
        raise SettingsError(
            f"{rendering.source}: provisioning.labels: {reason}, so no rule would see the service; "
            f"give it the label {label}"
        )
    # Never less than the default of Prometheus, where nobody says otherwise.
    least = max(DEFAULT_RETENTION_SECONDS, seconds(settings.objectives.window))
    retention = seconds(settings.retention) if settings.retention else least
    return {
        f"{FOLDER}/{name}": fill(
            f"{FOLDER}/{name}.j2", settings=settings, retention=duration(retention)
        )
        for name in (*FILES, *([PROBER] if settings.probes.own else []))
    }


def _unselected(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the labels by which the selector would not find the service, and why."""
    given = settings.provisioning
    labels = {**given.labels, "job": given.job}
    for matcher in matchers(settings.selector) or ():
        label, operator, _ = matcher
        own = labels.get(label, "")
        if label != "instance" and not _holds(matcher, own):
            yield label, f'{label}="{own}" fails the selector {label}{operator}"{matcher.value}"'


def _holds(matcher: Matcher, text: str) -> bool:
    value = matcher.value
    alike = re.fullmatch(value, text) is not None if "~" in matcher.operator else value == text
    return alike != matcher.operator.startswith("!")


# By name: users may keep copies of our files here, with our banner in them.
TARGET = Target(folders={FOLDER: (*FILES, PROBER)}, render=stack)
