"""A report: what was found out, when, and from what. Frozen data."""

from dataclasses import dataclass

from sse_observe.report.findings.incident import Incident
from sse_observe.report.logs.reading import LogExcerpt


@dataclass(frozen=True, slots=True)
class Report:
    """The facts of an incident, the log lines if any were given, and where further runbooks are."""

    incident: Incident
    log: LogExcerpt | None
    created: float
    runbook_url: str

    @property
    def complete(self) -> bool:
        """Whether every query was answered in full."""
        return not self.incident.failures
