"""
The account of one token: what its stream was worth, and what its reports have claimed of that.

Decides whether a report can be true; knows neither HTTP nor where accounts are kept.
"""

from collections.abc import Collection
from typing import NamedTuple

from sse_observe.beacon.report import BeaconReport
from sse_observe.registry.receipt import Receipt

# Beacon reports of one tab come in order, or nearly; a number this far behind is a replay.
_WINDOW = 64
_ALL = (1 << _WINDOW) - 1
# A client gives up what is missing once so many later events have come; they need not have been
# numbered on this connection.
_AHEAD = 64
# Who was sent all of a stream has not cut it off.
_DELIVERED = ("completed", "polled", "already_complete")
OPEN, UNSEEN = "open", "unseen"
"""Beside the reasons of an end: its stream has not ended; nobody here has seen it."""
UNCOUNTED = -1
"""The worth of a stream whose events nobody here has counted."""


class Settled(NamedTuple):
    """The result of a stream's end: an outcome that counts now, and whether all could be true."""

    outcome: str | None
    plausible: bool


class Account:
    """
    One token: numbers of reports, what was sent and claimed, how the stream ended on both sides.

    `waiting` is the outcome that its client stated while the stream was open: the end that the
    server sees decides whether it counts.
    """

    __slots__ = (
        *("ended", "events", "highest", "left", "losable", "lost", "reason", "sent", "waiting"),
        *("owner", "window"),
    )

    def __init__(self, reason: str = UNSEEN) -> None:
        self.reason = reason
        # Of the report numbers seen: bit 0 stands for the highest, bit 1 for the one below it.
        self.highest = self.window = 0
        self.sent = self.losable = UNCOUNTED
        # Claimed of the two.
        self.events = self.lost = 0
        self.ended = False
        self.left = False
        """Its client has said that it has no connection any more, or another one."""
        self.owner = 0
        """The process that serves its stream, where several share the account."""
        self.waiting: str | None = None

    def has_seen(self, n: int) -> bool:
        """Tell whether a report of this number, 1 or more, has come, or is too old to tell."""
        behind = self.highest - n
        return behind >= 0 and (behind >= _WINDOW or self.window >> behind & 1 == 1)

    def remember(self, n: int) -> None:
        """Take note that a report of this number has come."""
        ahead = n - self.highest
        if ahead > 0:
            self.window = (self.window << min(ahead, _WINDOW) | 1) & _ALL
            self.highest = n
        else:
            self.window |= 1 << -ahead

    def know(self, receipt: Receipt) -> None:
        """Take over what was sent on the connection so far."""
        events, newest = receipt.events, receipt.newest
        self.sent = UNCOUNTED if events is None else events
        self.losable = UNCOUNTED if events is None else newest + 1 + _AHEAD * (newest >= 0)

    def _can_claim(self, report: BeaconReport, earlier: "Collection[Account]") -> bool:
        """Tell whether so many events can have been received and lost."""
        room, losable = self.sent - self.events, self.losable - self.lost
        for other in earlier:
            if other.sent == UNCOUNTED:
                return True
            room += other.sent - other.events
            losable += other.losable - other.lost
        return report.events <= room and report.lost <= losable

    def judge(self, report: BeaconReport, earlier: "Collection[Account]" = ()) -> str:
        """
        Return what becomes of a report; of one that is accepted, keep what it claims.

        `earlier` are the accounts of the connections before this one of which it speaks too. An
        outcome that has to wait for the stream's end is taken out of the report.
        """
        n, outcome, events, lost = report.n, report.outcome, report.events, report.lost
        is_next = n == self.highest + 1
        if (not is_next and self.has_seen(n)) or (outcome is not None and self.ended):
            return "replayed"
        if self.sent != UNCOUNTED and not self._can_claim(report, earlier):
            return "implausible"
        if outcome is not None:
            if self._contradicts(outcome):
                return "implausible"
            self.ended = True
            if self.reason == OPEN:
                self.waiting, report.outcome = outcome, None
        if is_next:
            self.highest, self.window = n, (self.window << 1 | 1) & _ALL
        else:
            self.remember(n)
        for other in earlier:
            other.left = True
            some, gone = other.take(events, lost)
            events -= some
            lost -= gone
        self.events += events
        self.lost += lost
        return "accepted"

    def take(self, events: int, lost: int) -> tuple[int, int]:
        """Take from what is not claimed yet, and return how much that was."""
        some = min(events, max(0, self.sent - self.events))
        gone = min(lost, max(0, self.losable - self.lost))
        self.events += some
        self.lost += gone
        return some, gone

    def settle(self, receipt: Receipt) -> Settled:
        """Take note that the stream has ended; return what its client's waiting word is worth."""
        self.know(receipt)
        self.reason = receipt.reason or UNSEEN
        outcome, self.waiting = self.waiting, None
        if outcome is not None and self._contradicts(outcome):
            return Settled(None, plausible=False)
        # What another worker believed while the stream was open.
        too_much = self.sent != UNCOUNTED and (self.events > self.sent or self.lost > self.losable)
        return Settled(outcome, plausible=not too_much)

    def _contradicts(self, outcome: str) -> bool:
        """Tell whether the server knows better."""
        return outcome == "cancelled" and self.reason in _DELIVERED
