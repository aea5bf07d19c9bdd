"""
Open streams whose clients report, and which of them have stopped: a companion of the tracker.

Knows streams, accounts and a clock. A stream is looked at four times in an interval, and never
because a message passes. What silence proves is `hearing`'s business.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from threading import RLock

from sse_observe.asgi import network_of_address
from sse_observe.beacon.account import Account
from sse_observe.beacon.accounts import MOST_ACCOUNTS, Accounts
from sse_observe.beacon.hearing import Hearing
from sse_observe.beacon.seen import Seen
from sse_observe.beacon.unconfirmed import OnUnconfirmed, UnconfirmedStream
from sse_observe.middleware.stream import Stream
from sse_observe.registry.receipt import Receipt

_SILENT_INTERVALS = 3
_LOOKS = 4
# A shared account takes a system call; other callbacks of the loop run in between.
_LOOKED_AT_ONCE = 50
# What an application does with one may take a while.
_ANNOUNCED_AT_ONCE = 10


class _Watched:
    """One stream that has sent a token, and what its client was last known to have said."""

    __slots__ = (
        "due_at",
        "heard_at",
        "mark",
        "nonce",
        "number",
        "receipt",
        "stream",
        "was_announced",
    )

    def __init__(self, nonce: str, receipt: Receipt, due_at: float) -> None:
        self.nonce = nonce
        self.receipt = receipt
        self.due_at = due_at
        self.heard_at: float | None = None
        """None until its client has reported."""
        self.mark = (0, 0)
        """What its account showed then; it changes with each report."""
        self.number = 0
        """The highest number of its reports that is known, here or in the fleet."""
        self.stream: Stream | None = None
        """The stream while it counts as unconfirmed."""
        self.was_announced = False


class Confirmations:
    """
    The streams of this process that carry a token.

    The caller of `look` and `write` holds the tracker's lock, which is `lock`.
    """

    def __init__(
        self,
        accounts: Accounts,
        hearing: Hearing,
        lock: RLock,
        *,
        report_seconds: float,
        seen: Seen | None,
        on_unconfirmed: OnUnconfirmed | None,
        on_error: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._accounts = accounts
        self._hearing = hearing
        self._lock = lock
        self._interval = report_seconds
        self._silence = _SILENT_INTERVALS * report_seconds
        self._pause = report_seconds / _LOOKS
        self._looked_at = clock()
        self._seen = seen
        self._on_unconfirmed = on_unconfirmed
        self._on_error = on_error
        self._clock = clock
        # By when each is due: all wait equally long.
        self._watched: deque[_Watched] = deque()
        self._unconfirmed: set[_Watched] = set()
        self._to_ask: dict[_Watched, None] = {}
        self._to_announce: deque[_Watched] = deque()
        self._asking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        """The loop that is about to work; another one may have been left before it did."""

    def __len__(self) -> int:
        """Return how many streams are watched."""
        return len(self._watched)

    def watch(self, nonce: str, receipt: Receipt) -> None:
        """Watch a stream that has been given a token, or is about to open with one."""
        if len(self._watched) < MOST_ACCOUNTS:
            self._watched.append(_Watched(nonce, receipt, self._clock() + self._pause))

    # What a companion is asked for.

    def has_streams(self) -> bool:
        """Tell whether one that has ended may still count."""
        return bool(self._unconfirmed)

    def look(self, now: float, *, last: bool) -> None:  # noqa: ARG002 - our own clock, and no end
        """See which have ended; the rest is for the loop, where no lock is held."""
        for one in [one for one in self._unconfirmed if not one.receipt.is_open]:
            self._confirm(one)
        if not (self._is_due() or self._to_announce or self._to_ask):
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # A scrape in a thread of its own: the next tick has a loop.
            return
        if self._loop is not loop:
            self._work_soon(loop)

    def write(self) -> None:
        """Write nothing: what is counted here is the route's."""

    # On the loop. The locks of accounts and of the tracker are never held together.

    def _work_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        loop.call_soon(self._work, loop, context=Context())

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = None
        try:
            self._look_at_due()
            if self._to_ask and self._asking is None:
                self._asking = loop.create_task(self._ask())
            self._announce()
            if self._to_announce or self._is_due():
                self._work_soon(loop)
        except Exception:  # noqa: BLE001 - the next tick tries again
            self._on_error()

    def _look_at_due(self) -> None:
        now = self._clock()
        if now - self._looked_at > self._interval:
            # A process that stood still has heard nobody.
            self._hearing.refused(None)
        self._looked_at = now
        found: list[tuple[_Watched, Account | None]] = []
        with self._accounts.lock:
            while len(found) < _LOOKED_AT_ONCE and self._is_due():
                one = self._watched.popleft()
                found.append((one, self._accounts.get(one.nonce)))
        with self._lock:
            for one, account in found:
                if account is None or not one.receipt.is_open:
                    self._confirm(one)
                    continue
                self._see(one, account, now)
                one.due_at = now + self._pause
                self._watched.append(one)

    def _is_due(self) -> bool:
        return bool(self._watched) and self._watched[0].due_at <= self._clock()

    def _see(self, one: _Watched, account: Account, now: float) -> None:
        """See what has become of one by what its account shows."""
        mark = (account.highest, account.window)
        has_news = mark != one.mark
        one.mark, one.number = mark, max(one.number, account.highest)
        if has_news and not account.left:
            one.heard_at = now
            self._confirm(one)
        elif one.heard_at is None and account.left:
            one.heard_at = now
        elif self._is_silent(one, now):
            if self._seen is not None:
                self._to_ask[one] = None
            elif self._hearing.is_alone:
                self._count(one)
            else:
                self._confirm(one)

    def _is_silent(self, one: _Watched, now: float) -> bool:
        if one.heard_at is None:
            return False
        refused_at = self._hearing.refusal(network_of_address(one.receipt.address))
        return now - max(one.heard_at, refused_at) >= self._silence

    def _confirm(self, one: _Watched) -> None:
        if one.stream is not None:
            one.stream.counts.unconfirmed -= 1
            one.stream = None
            self._unconfirmed.discard(one)

    def _count(self, one: _Watched) -> None:
        """Count a stream as unconfirmed; the application hears of each once."""
        stream = one.receipt.stream
        if one.stream is None and isinstance(stream, Stream) and stream.live:
            one.stream = stream
            stream.counts.unconfirmed += 1
            self._unconfirmed.add(one)
            if self._on_unconfirmed is not None and not one.was_announced:
                one.was_announced = True
                self._to_announce.append(one)

    async def _ask(self) -> None:
        """Ask the fleet whether reports of silent streams went to other hosts."""
        try:
            while self._to_ask and self._seen is not None:
                one = next(iter(self._to_ask))
                number = await self._seen.last_report(one.nonce)
                del self._to_ask[one]
                if number is not None:
                    with self._lock:
                        self._answered(one, number)
        except Exception:  # noqa: BLE001 - somebody's store must not cost the stream
            self._to_ask.clear()
            self._on_error()
        finally:
            self._asking = None

    def _answered(self, one: _Watched, number: int) -> None:
        now = self._clock()
        if number > one.number:
            one.number, one.heard_at = number, now
            self._confirm(one)
        elif self._is_silent(one, now):
            self._count(one)

    def _announce(self) -> None:
        """Tell the application of some, and let the loop run before the next."""
        for _ in range(min(_ANNOUNCED_AT_ONCE, len(self._to_announce))):
            one = self._to_announce.popleft()
            stream, announce = one.stream, self._on_unconfirmed
            # It may have reported, or ended, since.
            if stream is None or announce is None or not stream.live:
                one.was_announced = False
                continue
            try:
                announce(UnconfirmedStream(stream))
            except Exception:  # noqa: BLE001 - the function is the user's, the stream must not pay
                self._on_error()
