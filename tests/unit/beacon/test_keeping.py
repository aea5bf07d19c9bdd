"""Where accounts and claims are kept: shared where numbers are, and a full disk stops nothing."""

import logging
from pathlib import Path

import pytest

from sse_observe.beacon.accounts import MemoryAccounts, SharedAccounts
from sse_observe.beacon.claims import MemoryBalances, SharedBalances
from sse_observe.beacon.keeping import accounts_in, balances_in


def test_workers_that_share_a_directory_share_these_too(tmp_path: Path) -> None:
    """A process that counts alone writes no file."""
    assert isinstance(accounts_in(tmp_path), SharedAccounts)
    assert isinstance(balances_in(tmp_path), SharedBalances)
    assert isinstance(accounts_in(None), MemoryAccounts)
    assert isinstance(balances_in(None), MemoryBalances)


def test_without_room_the_service_starts_and_says_what_it_costs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line for each, with the directory."""
    missing = tmp_path / "missing"
    with caplog.at_level(logging.WARNING):
        assert isinstance(accounts_in(missing), MemoryAccounts)
        assert isinstance(balances_in(missing), MemoryBalances)

    assert len(caplog.messages) == 2
    assert all(str(missing) in line for line in caplog.messages)
