"""
The budgets of modules that ask real questions: counted by day (UTC), and kept over restarts.

What cannot be kept is not spent: a prober in a restart loop would ask without end.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sse_observe.errors import CheckError
from sse_observe.probe.module import DAY_SECONDS, Budget

_MOST_BYTES = 1 << 20


class Spent(NamedTuple):
    """Everything that a module has asked today."""

    requests: int = 0
    tokens: int = 0


@dataclass
class _Day:
    number: int
    spent: dict[str, Spent]


class Budgets:
    """Everything that was spent today, in a file where one is named."""

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._day = self._read()

    def spent(self, module: str) -> Spent:
        """Return what a module has spent today."""
        today = int(self._clock() // DAY_SECONDS)
        if self._day.number != today:
            self._day = _Day(today, {})
        return self._day.spent.get(module, Spent())

    def take(self, module: str, budget: Budget) -> bool:
        """Take one request of a budget, before it is made; False where nothing is left."""
        spent = self.spent(module)
        most = budget.tokens_per_day
        if spent.requests >= budget.requests_per_day or (most and spent.tokens >= most):
            return False
        self._day.spent[module] = spent._replace(requests=spent.requests + 1)
        return self._write()

    def add_tokens(self, module: str, count: int) -> None:
        """Add the tokens of an answer."""
        spent = self.spent(module)
        self._day.spent[module] = spent._replace(tokens=spent.tokens + count)
        self._write()

    def _read(self) -> _Day:
        if self._path is None:
            return _Day(0, {})
        try:
            with self._path.open(encoding="utf-8") as file:
                kept = json.loads(file.read(_MOST_BYTES))
            spent = {str(name): Spent(*map(int, pair)) for name, pair in kept["spent"].items()}
            return _Day(int(kept["day"]), spent)
        except FileNotFoundError:
            self._day = _Day(0, {})
            if not self._write():
                raise CheckError(f"state_file {self._path}: cannot be written") from None
            return self._day
        except OSError as error:
            reason = (error.strerror or "cannot be read").lower()
            raise CheckError(f"state_file {self._path}: {reason}") from None
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise CheckError(
                f"state_file {self._path}: is not ours, or torn; look at it, then delete it"
            ) from None

    def _write(self) -> bool:
        """Keep what was spent; return whether that is certain."""
        if self._path is None:
            return True
        text = json.dumps({"day": self._day.number, "spent": self._day.spent})
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            beside.write_text(text, "utf-8")
            beside.replace(self._path)
        except OSError:
            return False
        return True


def limits(budget: Budget) -> Mapping[str, int]:
    """Return the limits of a budget, by unit."""
    found = {"requests": budget.requests_per_day}
    if budget.tokens_per_day is not None:
        found["tokens"] = budget.tokens_per_day
    return found
