"""
The accounts of all tokens: in memory, or in a file where several workers share their numbers.

Knows where accounts are kept and for how long; what they say is decided in `account`. In the
file one account serves all workers: a report that reaches another worker than its stream does
counts once all the same.
"""

import os
import secrets
import struct
import sys
from collections import OrderedDict
from contextlib import AbstractContextManager
from pathlib import Path
from threading import RLock
from typing import Protocol

from sse_observe.beacon.account import OPEN, UNSEEN, Account
from sse_observe.beacon.slot_file import SlotFile
from sse_observe.metrics import CLIENT_OUTCOMES, REASONS

# At some 300 bytes each, 6 MB.
MOST_ACCOUNTS = 20_000
_LARGEST = 2**31 - 1
_REASONS = (OPEN, UNSEEN, *REASONS)
_OUTCOMES = (None, *CLIENT_OUTCOMES)
# Bits of what a client has said.
_ENDED, _LEFT = 1, 2


class Accounts(Protocol):
    """The accounts, by the nonces of their tokens."""

    name: str
    """Random; a token says in whose accounts its account is."""
    keeps_changes: bool
    """Whether what is changed in an account is kept without `put`."""

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Keeps all others out; needed around what follows."""

    def get(self, key: str) -> Account | None:
        """Return an account, None for one that is not kept (any more)."""

    def put(self, key: str, account: Account) -> None:
        """Keep an account as it is now."""


class MemoryAccounts:
    """The accounts of a process that counts alone; the one not used for longest is forgotten."""

    keeps_changes = True

    def __init__(self, most: int = MOST_ACCOUNTS) -> None:
        self.name = secrets.token_hex(4)
        self.lock = RLock()
        self._most = most
        self._accounts: OrderedDict[str, Account] = OrderedDict()

    def __len__(self) -> int:
        """Return how many accounts are kept."""
        return len(self._accounts)

    def get(self, key: str) -> Account | None:
        """Return an account."""
        account = self._accounts.get(key)
        if account is not None:
            self._accounts.move_to_end(key)
        return account

    def put(self, key: str, account: Account) -> None:
        """Keep an account."""
        if key not in self._accounts:
            self._accounts[key] = account
            if len(self._accounts) > self._most:
                self._accounts.popitem(last=False)


class SharedAccounts:
    """The accounts of all workers that share a file; raises OSError where it cannot be."""

    keeps_changes = False
    # Whose stream it is, numbers of reports, sent and claimed, reason, outcomes, what was said.
    _FORM = struct.Struct("<iIQiiiiBBB")

    def __init__(self, path: Path) -> None:
        self._file = SlotFile(path, self._FORM.size)
        self.name = self._file.name

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Keeps the other workers out."""
        return self._file.locked()

    def get(self, key: str) -> Account | None:
        """Return an account as it is now."""
        value = self._file.get(key)
        if value is None:
            return None
        owner, *numbers, reason, waiting, stated = self._FORM.unpack(value)
        account = Account(_REASONS[reason] if reason < len(_REASONS) else UNSEEN)
        account.highest, account.window = numbers[:2]
        account.sent, account.losable, account.events, account.lost = numbers[2:]
        account.waiting = _OUTCOMES[waiting] if waiting < len(_OUTCOMES) else None
        account.ended, account.left = bool(stated & _ENDED), bool(stated & _LEFT)
        if account.reason == OPEN and not _is_alive(owner):
            # Nobody is left to say how it ended.
            account.reason = UNSEEN
        account.owner = owner
        return account

    def put(self, key: str, account: Account) -> None:
        """Keep an account as it is now."""
        numbers = (account.sent, account.losable, account.events, account.lost)
        self._file.put(
            key,
            self._FORM.pack(
                account.owner or os.getpid(),
                account.highest,
                account.window,
                *(min(number, _LARGEST) for number in numbers),
                _REASONS.index(account.reason),
                _OUTCOMES.index(account.waiting),
                account.ended * _ENDED | account.left * _LEFT,
            ),
        )


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32" or pid <= 0:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
