"""
The bundle as Datadog takes it: the Agent's configuration, monitors, dashboards, and an SLO.

As JSON of its API, and for Terraform, which reads the same files.
"""

import json
from collections.abc import Iterator

from sse_observe.render.banner import banner
from sse_observe.render.datadog.agent import check_config, cost
from sse_observe.render.datadog.boards import boards
from sse_observe.render.datadog.monitors import burns, monitors
from sse_observe.render.datadog.query import JSON
from sse_observe.render.datadog.slo import slo
from sse_observe.render.rule_document import yaml_text
from sse_observe.render.target import Rendering, Target
from sse_observe.render.text import fill

FOLDER = "datadog"
_CONF = "conf.d/openmetrics.d/conf.yaml"
_SLO = "${datadog_service_level_objective.completion.id}"
_PROVIDER = {"datadog": {"source": "DataDog/datadog", "version": "~> 3.40"}}


def files(rendering: Rendering) -> dict[str, str]:
    """Return every file by its path; SettingsError where Datadog keeps no such SLO."""
    objective = slo(rendering)
    alerts, drawn = monitors(rendering), boards(rendering)
    found = {
        _CONF: yaml_text(check_config(rendering.settings)),
        "slo-completion.json": _json(objective),
        **{f"monitors/{name}.json": _json(one) for name, one in alerts.written.items()},
        **{f"dashboards/{name}.json": _json(one) for name, one in drawn.written.items()},
        "main.tf.json": _json(_terraform(rendering, objective, [*alerts.written], drawn.written)),
        "README.md": fill(
            f"{FOLDER}/README.md.j2",
            monitors=alerts,
            boards=drawn,
            panels=sum(len(row.panels) for board in rendering.catalog.boards for row in board.rows),
            plain=cost(("process", "server", "replay")),
            everything=cost(("process", "server", "replay", "tcp", "client")),
        ),
    }
    return {f"{FOLDER}/{name}": text for name, text in found.items()}


def warnings(rendering: Rendering) -> Iterator[str]:
    """Yield the alerts that are left out."""
    names = [one.alert for one in monitors(rendering).left_out]
    yield f"datadog: no monitor for {', '.join(names)}: see {FOLDER}/README.md"


def _terraform(
    rendering: Rendering, objective: JSON, alerts: list[str], drawn: dict[str, JSON]
) -> JSON:
    """Return Terraform's JSON: what stands in files is read from them."""

    def read(path: str) -> str:
        return f'${{file("${{path.module}}/{path}")}}'

    return {
        "//": banner("sse_observe/catalog/"),
        "terraform": {"required_providers": _PROVIDER},
        "resource": {
            "datadog_monitor_json": {
                name: {"monitor": read(f"monitors/{name}.json")} for name in alerts
            },
            "datadog_dashboard_json": {
                name: {"dashboard": read(f"dashboards/{name}.json")} for name in drawn
            },
            "datadog_service_level_objective": {"completion": objective},
            "datadog_monitor": dict(burns(rendering, _SLO)),
        },
    }


def _json(document: JSON) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


TARGET = Target(
    folders={
        FOLDER: (_CONF, "slo-completion.json", "main.tf.json", "README.md", "*/*.json"),
    },
    render=files,
    warnings=warnings,
)
