"""
The judge of beacon reports: which stream each speaks of, and whether that stream can bear it.

Knows tokens, their accounts and their streams; knows no HTTP. A report is worth no more than a
stream that was opened here.
"""

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import msgspec

from sse_observe.beacon.account import OPEN, UNCOUNTED, UNSEEN, Account
from sse_observe.beacon.accounts import MOST_ACCOUNTS, Accounts
from sse_observe.beacon.confirmations import Confirmations
from sse_observe.beacon.counts import ClientCounts, ReportCounts
from sse_observe.beacon.hearing import Hearing
from sse_observe.beacon.limits import Recent
from sse_observe.beacon.report import BeaconReport, decode
from sse_observe.beacon.reporters import Reporter, Reporters
from sse_observe.beacon.seen import Seen
from sse_observe.beacon.tokens import Grant, Tokens
from sse_observe.registry.receipt import Receipt

_NONE: dict[str, Account] = {}


class Accepted(NamedTuple):
    """A report that can be true, and whether its client said how the stream ended."""

    report: BeaconReport
    reporter: Reporter
    ends: bool


class Judge:
    """
    Issues tokens, and judges what is reported under them.

    `count_pending` brings what was sent up to date; `count` takes the result of a report that is
    known only when its stream ends. `hearing` learns what came and what must be missing, and
    `confirmations` which streams to watch.
    """

    def __init__(
        self,
        tokens: Tokens,
        accounts: Accounts,
        reporters: Reporters,
        counts: ClientCounts,
        *,
        confirmations: Confirmations,
        hearing: Hearing,
        count_pending: Callable[[], None],
        count: Callable[[str], None],
        on_error: Callable[[], None],
    ) -> None:
        self._tokens = tokens
        self._accounts = accounts
        self._reporters = reporters
        self._counts = counts
        self._confirmations = confirmations
        self.hearing = hearing
        self._count_pending = count_pending
        self._count = count
        self._on_error = on_error
        # Of the streams of this process that are open.
        self._receipts: Recent[Receipt] = Recent(MOST_ACCOUNTS)

    def issue(
        self, route: str, user_segment: str, network_type: str, receipt: Receipt | None
    ) -> str:
        """Return a token for one stream; its reports' series exist from now on."""
        counts = self._counts.of(route, user_segment, network_type)
        nonce = self._accounts.name + secrets.token_urlsafe(9)
        account = Account(UNSEEN if receipt is None else OPEN)
        with self._accounts.lock:
            self._accounts.put(nonce, account)
        if receipt is not None:
            self._receipts.put(nonce, receipt)
            receipt.on_end = partial(self._ended, nonce, counts)
            self._confirmations.watch(nonce, receipt)
        return self._tokens.issue(route, user_segment, network_type, nonce)

    async def judge_in_fleet(self, body: bytes, seen: Seen) -> str:
        """Do the same where other hosts may have seen the report before."""
        found: list[Accepted] = []
        result = self.judge(body, found)
        for report, reporter, ends in found:
            grant = reporter.grant
            left = self._tokens.seconds_left(grant)
            if not await seen.is_new(grant.nonce, report.n, ends=ends, keep_seconds=left):
                if ends:
                    self._take_back(grant.nonce)
                return "replayed"
            self._counts.add(report, reporter.counts)
        return result

    def _take_back(self, nonce: str) -> None:
        """Forget the word that waits for a stream's end: another host has counted it."""
        with self._accounts.lock:
            account = self._accounts.get(nonce)
            if account is not None:
                account.waiting = None
                self._accounts.put(nonce, account)

    def judge(self, body: bytes, found: list[Accepted] | None = None) -> str:
        """
        Judge one beacon report and count what it says; return what became of it.

        With `found` an accepted one is added there instead, for others to have their say.
        """
        try:
            report = decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return "bad_schema"
        reporter = self._reporter(report.token)
        if reporter is None:
            self.hearing.unreadable()
            return "bad_token"
        if not self._reporters.take(reporter):
            return "rate_limited"
        if not report.is_consistent():
            return "bad_schema"
        ends = report.outcome is not None
        result = self._judged(report, reporter.grant)
        if result == "accepted":
            if found is None:
                self._counts.add(report, reporter.counts)
            else:
                found.append(Accepted(report, reporter, ends))
        return result

    def _judged(self, report: BeaconReport, grant: Grant) -> str:
        """Hold a report against the account of its token, and remember both."""
        nonce, accounts = grant.nonce, self._accounts
        with accounts.lock:
            account = self._account(nonce)
            if account is None:
                return "bad_token"
            highest, has_left = account.highest, report.has_left()
            earlier = self._earlier(report, nonce) if report.earlier else _NONE
            result = account.judge(report, earlier.values())
            if result == "implausible" and account.reason == OPEN:
                # What was sent in this very moment is not counted yet.
                self._count_pending()
                account = self._account(nonce) or account
                result = account.judge(report, earlier.values())
            if result == "implausible":
                # It counts nothing, and its client is there all the same.
                account.remember(report.n)
            if result != "replayed":
                account.left = has_left
            if not accounts.keeps_changes:
                self._keep({**earlier, nonce: account})
        if nonce.startswith(accounts.name):
            if result != "replayed":
                # The first one under a token may be its client's tenth.
                self.hearing.heard(report.n - highest - 1 if highest else 0)
        elif self._tokens.is_of_our_time(grant):
            self.hearing.foreign()
        return result

    def _reporter(self, token: str) -> Reporter | None:
        """Return the browser tab that sends a token; it sends the same one many times."""
        reporter = self._reporters.get(token)
        if reporter is not None:
            return reporter if self._tokens.is_alive(reporter.grant) else None
        grant = self._tokens.read(token)
        if grant is None:
            return None
        counts = self._counts.of(grant.route, grant.user_segment, grant.network_type)
        return self._reporters.put(token, grant, counts)

    def _keep(self, changed: Mapping[str, Account]) -> None:
        for nonce, account in changed.items():
            self._accounts.put(nonce, account)

    def _account(self, nonce: str) -> Account | None:
        """Return an account as of now; None for one of ours that is forgotten."""
        account = self._accounts.get(nonce)
        if account is None:
            if nonce.startswith(self._accounts.name):
                return None
            # Another host's is not known here before its first report.
            account = Account()
            self._accounts.put(nonce, account)
        if account.reason == OPEN:
            receipt = self._receipts.get(nonce)
            if receipt is None:
                # Another worker's: compared when its stream ends.
                account.sent = account.losable = UNCOUNTED
            else:
                receipt.update()
                account.know(receipt)
        return account

    def _earlier(self, report: BeaconReport, nonce: str) -> dict[str, Account]:
        found: dict[str, Account] = {}
        for token in report.earlier:
            reporter = self._reporter(token)
            if reporter is not None and reporter.grant.nonce != nonce:
                account = self._account(reporter.grant.nonce)
                if account is not None:
                    found[reporter.grant.nonce] = account
        return found

    def _ended(self, nonce: str, counts: ReportCounts, receipt: Receipt) -> None:
        """Take note that a stream has ended; never raises."""
        try:
            self._receipts.forget(nonce)
            with self._accounts.lock:
                account = self._accounts.get(nonce)
                if account is None:
                    return
                settled = account.settle(receipt)
                self._accounts.put(nonce, account)
            if settled.outcome is not None:
                self._counts.end(settled.outcome, counts)
            if not settled.plausible:
                self._count("implausible")
        except Exception:  # noqa: BLE001 - the stream has ended in any case
            self._on_error()
