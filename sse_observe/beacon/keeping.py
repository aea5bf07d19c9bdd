"""
Where the beacon keeps what workers must agree on: in memory, or beside the numbers they share.

Knows files and what to do without them.
"""

import logging
from pathlib import Path

from sse_observe.beacon.accounts import Accounts, MemoryAccounts, SharedAccounts
from sse_observe.beacon.claims import Balances, MemoryBalances, SharedBalances

_LOGGER = logging.getLogger("sse_observe")


def accounts_in(directory: Path | None) -> Accounts:
    """Return the accounts of this process, those of all workers where they share a directory."""
    if directory is not None:
        try:
            return SharedAccounts(directory / "sse-observe.tokens")
        except OSError as error:
            # A full disk costs a report that counts twice, not a service that does not start.
            _LOGGER.warning(
                "%s: %s; a browser's report that reaches two workers counts twice",
                directory,
                error.strerror or error,
            )
    return MemoryAccounts()


def balances_in(directory: Path | None) -> Balances:
    """Return how many tokens are due, to all workers where they share a directory."""
    if directory is not None:
        try:
            return SharedBalances(directory / "sse-observe.claims")
        except OSError as error:
            _LOGGER.warning(
                "%s: %s; a browser may be refused a token by the worker that did not serve it",
                directory,
                error.strerror or error,
            )
    return MemoryBalances()
