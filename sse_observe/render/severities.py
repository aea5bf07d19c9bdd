"""The names that a company gives to our severities; the default is our own."""

from collections.abc import Iterator

import msgspec

from sse_observe.catalog.model import Severity


class Severities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The value of the label `severity` for each of ours: `critical: page`."""

    critical: str = "critical"
    warning: str = "warning"
    info: str = "info"

    def label(self, severity: Severity) -> str:
        """Return the label's value."""
        name: str = getattr(self, severity)
        return name

    def problems(self) -> Iterator[str]:
        """Yield each name that is none, or would break a matcher of Alertmanager."""
        for field in msgspec.structs.fields(self):
            name = getattr(self, field.name)
            if not name or not name.isprintable() or '"' in name or "\\" in name:
                yield f"severities.{field.name}: {name!r}: no name; write it like page or P1"
