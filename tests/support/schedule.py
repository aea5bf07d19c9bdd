"""
When each rule is evaluated: every group at its own moment, and some evaluations missed.

The moments are the worst that a ruler may choose: whoever reads another group comes just before it,
and sees what it recorded an interval ago.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sse_observe.catalog.durations import seconds
from sse_observe.render.groups import Rules

Missed = Callable[[str, float], bool]
"""Whether a group misses the evaluation at an instant."""


def nothing_missed(_group: str, _at: float) -> bool:
    """Miss no evaluation."""
    return False


class Pace(NamedTuple):
    """One group's evaluations: the seconds between two, the first, and those that are missed."""

    every: float
    begin: float = 0
    group: str = ""
    missed: Missed = nothing_missed

    def instants(self, end: float) -> list[float]:
        """Return the instants at which the group is evaluated."""
        count = int((end - self.begin) / self.every) + 1
        every = (self.begin + i * self.every for i in range(count))
        return [at for at in every if not self.missed(self.group, at)]


Schedule = Mapping[str, Pace]
"""The pace of each record."""


def schedule(rules: Rules, missed: Missed = nothing_missed) -> dict[str, Pace]:
    """Return the pace of each signal; alerts are evaluated at 0, before all of them."""
    groups = rules.recordings()
    return {
        rule.record: Pace(seconds(group.interval), len(groups) - rank, group.name, missed)
        for rank, group in enumerate(groups)
        for rule in group.rules
    }
