"""The verdict on one fault: which alerts fired, how soon, and what was wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Claim(NamedTuple):
    """Something that must hold beside the alerts, and whether it did."""

    text: str
    holds: bool


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
    claims: tuple[Claim, ...] = ()

    @property
    def as_expected(self) -> bool:
        """Whether exactly the expected alerts came, in time, and went; and all else holds."""
        wrong = self.missing or self.late or self.unexpected or self.unresolved
        return not wrong and all(claim.holds for claim in self.claims)
