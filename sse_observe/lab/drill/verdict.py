"""The verdict on one fault: which alerts fired, how soon, and what was wrong."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """
    The proof of one fault; all times are seconds of the drill.

    `fired` holds the seconds from the break to each alert, `recovered` those from the repair until
    all was quiet, or None. An alert that nobody was notified of is `missing`.
    """

    fault: str
    expected: tuple[str, ...]
    fired: Mapping[str, float]
    within: float
    missing: tuple[str, ...]
    late: tuple[str, ...]
    unexpected: tuple[str, ...]
    unresolved: tuple[str, ...]
    runbooks: Mapping[str, str]
    recovered: float | None

    @property
    def as_expected(self) -> bool:
        """Whether exactly the expected alerts came, in time, and went."""
        return not (self.missing or self.late or self.unexpected or self.unresolved)
