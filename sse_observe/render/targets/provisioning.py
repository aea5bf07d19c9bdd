"""
A stack around the user's service: Prometheus, Alertmanager and Grafana with the bundle loaded.

Says where each program finds the bundle's files; holds no copy of any of them.
"""

import re

from sse_observe.catalog.durations import duration, seconds
from sse_observe.errors import SettingsError
from sse_observe.render.settings import Settings, matchers
from sse_observe.render.text import fill

FOLDER = "provisioning"
FILES = (
    "compose.yaml",
    "prometheus/prometheus.yml",
    "grafana/datasources/sse-observe.yaml",
    "grafana/dashboards/sse-observe.yaml",
)
# Prometheus' own default: less would surprise, whatever the objective's window.
_LEAST_RETENTION = 15 * 86400.0


def stack(settings: Settings, source: str) -> dict[str, str]:
    """
    Return the files of the stack by path.

    SettingsError, naming `source`, where its service is not one that the rules look at.
    """
    for label, fault in _unselected(settings):
        raise SettingsError(
            f"{source}: provisioning.labels: {fault}, so no rule would see the service; "
            f"give it the label {label}"
        )
    retention = max(_LEAST_RETENTION, seconds(settings.objectives.window))
    names = [f"{FOLDER}/{name}" for name in FILES]
    facts = {"settings": settings, "retention": duration(retention)}
    return {name: fill(f"{name}.j2", **facts) for name in names}


def _unselected(settings: Settings) -> list[tuple[str, str]]:
    """Return the matchers of the selector that the service would not pass, with their label."""
    given = settings.provisioning
    labels = {**given.labels, "job": given.job}
    return [
        (label, f'{label}="{labels.get(label, "")}" fails the selector {label}{how}"{value}"')
        for label, how, value in matchers(settings.selector)
        if label != "instance" and not _holds(how, value, labels.get(label, ""))
    ]


def _holds(how: str, value: str, text: str) -> bool:
    alike = re.fullmatch(value, text) is not None if "~" in how else value == text
    return alike != how.startswith("!")
