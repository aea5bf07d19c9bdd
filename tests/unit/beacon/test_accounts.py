"""The accounts: accounts stay as they were, in memory and in the file of several workers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sse_observe.beacon.account import OPEN, UNSEEN, Account
from sse_observe.beacon.accounts import Accounts, MemoryAccounts, SharedAccounts
from sse_observe.beacon.report import BeaconReport


@pytest.fixture(params=("memory", "file"))
def accounts(request: pytest.FixtureRequest, tmp_path: Path) -> Accounts:
    return MemoryAccounts() if request.param == "memory" else SharedAccounts(tmp_path / "tokens")


def test_an_account_is_kept_as_it_is(accounts: Accounts) -> None:
    """Every field of it, whatever it says."""
    account = Account("client_disconnected")
    account.sent, account.losable = 7, 3
    for n in (1, 2, 9):
        account.judge(BeaconReport(token="t", n=n, events=2, outcome="failed" if n == 9 else None))
    account.left = True
    with accounts.lock:
        accounts.put("a", account)
    with accounts.lock:
        found = accounts.get("a")
        assert accounts.get("b") is None

    assert found is not None
    fields = (
        "reason",
        "highest",
        "window",
        "sent",
        "losable",
        "events",
        "lost",
        "ended",
        "left",
        "waiting",
    )
    for field in fields:
        assert getattr(found, field) == getattr(account, field), field


def test_the_account_that_was_not_used_for_longest_is_forgotten() -> None:
    """Twenty thousand are kept, however many streams open."""
    accounts = MemoryAccounts(most=10)
    for n in range(100):
        accounts.put(str(n), Account())
        accounts.get("0")

    assert len(accounts) == 10
    assert accounts.get("0") is not None
    assert accounts.get("1") is None


def test_the_stream_of_a_dead_worker_is_open_no_more(tmp_path: Path) -> None:
    """Nobody is left to say how it ended, so its client's word must not wait for that."""
    accounts = SharedAccounts(tmp_path / "tokens")
    died = subprocess.Popen([sys.executable, "-c", ""])
    died.wait()
    for owner, reason in ((died.pid, UNSEEN), (os.getpid(), OPEN)):
        account = Account(OPEN)
        account.owner = owner
        with accounts.lock:
            accounts.put("a", account)
            found = accounts.get("a")
        assert found is not None
        assert found.reason == reason


def test_numbers_beyond_the_form_are_its_largest(tmp_path: Path) -> None:
    """A stream of three thousand million events must not stop the counting."""
    accounts = SharedAccounts(tmp_path / "tokens")
    account = Account("completed")
    account.sent = account.losable = 10**12
    with accounts.lock:
        accounts.put("a", account)
        found = accounts.get("a")

    assert found is not None
    assert found.sent == 2**31 - 1
