"""A real Prometheus on loopback, and the part of its HTTP API that the lab asks."""

import json
import math
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from sse_observe.errors import LabError
from sse_observe.lab.programs.api import ANSWER_SECONDS, answers, ask
from sse_observe.lab.programs.process import Program, find, free_port


@dataclass(frozen=True)
class Sample:
    """One series of an instant answer."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class ActiveAlert:
    """An alert that is `pending` or `firing` now."""

    labels: Mapping[str, str]
    state: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    value: float = math.nan

    @property
    def name(self) -> str:
        """Name of the alert."""
        return self.labels["alertname"]


@dataclass(frozen=True)
class LoadedRule:
    """A rule as Prometheus has loaded it; `kind` is `recording` or `alerting`."""

    name: str
    kind: str
    query: str = ""
    health: str = "unknown"
    last_error: str = ""
    hold_seconds: float = 0.0


class PrometheusAPI:
    """A Prometheus that may be anybody's; `url` has no trailing slash, `headers` sign in there."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self._headers = headers

    def get(self, path: str, **parameters: str | float) -> Any:
        """Return the `data` of an API answer; LabError with Prometheus' own words for an error."""
        answer = ask(self.url, f"api/v1/{path}", self._headers, **parameters)
        if not isinstance(answer, dict) or "data" not in answer:
            raise LabError(f"{self.url}: {path}: no answer of a Prometheus; check the address")
        return answer["data"]

    def query(self, expr: str, at: float | None = None) -> list[Sample]:
        """Ask an instant query; scalars come back as one sample without labels."""
        when = {} if at is None else {"time": at}
        data = self.get("query", query=expr, **when)
        if data["resultType"] in ("scalar", "string"):
            return [Sample({}, float(data["result"][1]))]
        return [Sample(row["metric"], float(row["value"][1])) for row in data["result"]]

    def alerts(self) -> list[ActiveAlert]:
        """Return the alerts that are pending or firing now."""
        return [
            ActiveAlert(
                alert["labels"], alert["state"], alert["annotations"], float(alert["value"])
            )
            # vmalert says null where there is none.
            for alert in self.get("alerts")["alerts"] or ()
        ]

    def rules(self) -> list[LoadedRule]:
        """Return all rules of all groups."""
        return [
            LoadedRule(
                rule["name"],
                rule["type"],
                rule.get("query", ""),
                rule.get("health", "unknown"),
                rule.get("lastError", ""),
                rule.get("duration", 0.0),
            )
            for group in self.get("rules")["groups"]
            for rule in group["rules"]
        ]

    def answers(self) -> bool:
        """Whether it is up and ready."""
        return answers(f"{self.url}/-/ready")


class Prometheus(PrometheusAPI):
    """
    A Prometheus with its files in `directory`, ended with the block that started it.

    `targets` maps a job's name to its `host:port` pairs; intervals are Prometheus durations.
    """

    def __init__(
        self,
        directory: Path,
        *,
        targets: Mapping[str, Sequence[str]],
        rules: Sequence[Path] = (),
        scrape_interval: str = "1s",
        rule_interval: str = "1s",
        alertmanager: str | None = None,
        program: str | None = None,
        flags: Sequence[str] = (),
        metrics_path: str = "/metrics",
    ) -> None:
        port = free_port()
        super().__init__(f"http://127.0.0.1:{port}")
        self.directory = directory
        self._config: dict[str, Any] = {
            "global": {
                "scrape_interval": scrape_interval,
                "scrape_timeout": scrape_interval,
                "evaluation_interval": rule_interval,
            },
            "rule_files": [str(path.resolve()) for path in rules],
            "scrape_configs": [
                {
                    "job_name": job,
                    "metrics_path": metrics_path,
                    "static_configs": [{"targets": list(hosts)}],
                }
                for job, hosts in targets.items()
            ],
            # Tests push history of any age in any order.
            "storage": {"tsdb": {"out_of_order_time_window": "10y"}},
        }
        if alertmanager:
            self._config["alerting"] = {
                "alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]
            }
        directory.mkdir(parents=True, exist_ok=True)
        self._program = Program(
            [
                program or find("prometheus", "prometheus"),
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--web.enable-lifecycle",
                "--web.enable-remote-write-receiver",
                "--storage.tsdb.retention.time=20y",
                "--rules.alert.resend-delay=1s",
                *flags,
            ],
            log=directory / "prometheus.log",
            ready=self.answers,
        )

    def start(self) -> Self:
        """Write the configuration, start the program and wait until it answers."""
        # YAML is a superset of JSON: no YAML library is needed to write it.
        (self.directory / "prometheus.yml").write_text(json.dumps(self._config, indent=2))
        self._program.start()
        return self

    def reload(self, *, rules: Sequence[Path] | None = None) -> None:
        """Load changed rules, or other rule files; LabError where Prometheus refuses them."""
        if rules is not None:
            self._config["rule_files"] = [str(path.resolve()) for path in rules]
            (self.directory / "prometheus.yml").write_text(json.dumps(self._config, indent=2))
        request = urllib.request.Request(f"{self.url}/-/reload", method="POST")
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS):
                pass
        except urllib.error.HTTPError as error:
            error.close()
            raise LabError(f"Prometheus refused the rules: {self._program.last_line()}") from None

    def stop(self) -> None:
        """End it; harmless when it never ran."""
        self._program.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
