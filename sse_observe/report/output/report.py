"""A report: what was found out, when, and from what. Frozen data."""

from collections.abc import Callable
from dataclasses import dataclass

from sse_observe.report.findings.incident import Incident
from sse_observe.report.logs.reading import LogExcerpt


@dataclass(frozen=True, slots=True)
class Report:
    """
    The facts of an incident, and the log lines if any were given.

    `runbook_url` returns the address of an alert's runbook.
    """

    incident: Incident
    log: LogExcerpt | None
    created: float
    runbook_url: Callable[[str], str]

    @property
    def complete(self) -> bool:
        """Whether every query was answered in full."""
        return not self.incident.failures
