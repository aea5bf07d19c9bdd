"""
The default: rules and an example for Alertmanager, Grafana's dashboards, runbooks.

Other targets wrap these files, or write the same groups of rules in another form.
"""

from sse_observe.render.grafana.boards import render_boards
from sse_observe.render.groups import Rules
from sse_observe.render.runbooks import runbooks
from sse_observe.render.target import Rendering, Target
from sse_observe.render.text import fill


def files(rendering: Rendering) -> dict[str, str]:
    """Return dashboards, rule files, the example for Alertmanager, and runbooks, by path."""
    catalog, settings = rendering.catalog, rendering.settings
    rules = Rules(catalog, settings)
    return {
        **render_boards(catalog, settings),
        "alerts/sse-recording-rules.yaml": fill(
            "prometheus/recordings.yaml.j2", groups=rules.recordings()
        ),
        "alerts/sse-alerts.yaml": fill("prometheus/alerts.yaml.j2", groups=rules.alerts()),
        "alerts/sse-alertmanager.yml": fill(
            "prometheus/alertmanager.yml.j2",
            settings=settings,
            alerts={alert.name for alert in catalog.alerts},
        ),
        **runbooks(catalog, settings),
    }


TARGET = Target(
    folders={"dashboards": ("*.json",), "alerts": ("*.y*ml",), "runbooks": ("*.md",)},
    render=files,
)
