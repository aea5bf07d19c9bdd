"""The account of a token: a report is worth no more than what was sent to its stream."""

from hypothesis import given
from hypothesis import strategies as st

from sse_observe.beacon.account import OPEN, UNSEEN, Account
from sse_observe.beacon.report import BeaconReport
from sse_observe.registry.receipt import Receipt


class Sent:
    """A stream that has sent some events."""

    def __init__(self, events: int = 0, cursor: bytes = b"") -> None:
        self.events = events
        self.id = cursor


def receipt_of(events: int, cursor: bytes = b"", reason: str = "completed") -> Receipt:
    """Return the receipt of a stream that has ended."""
    receipt = Receipt()
    receipt.begin(Sent(events, cursor))
    receipt.end(reason, readable=True)
    return receipt


def account_of(events: int, cursor: bytes = b"", reason: str = "completed") -> Account:
    """Return the account of a stream that has ended."""
    account = Account(OPEN)
    account.settle(receipt_of(events, cursor, reason))
    return account


def report(n: int = 1, **more: object) -> BeaconReport:
    """Return a report as it is decoded."""
    return BeaconReport(token="t", n=n, **more)  # type: ignore[arg-type]


@given(st.lists(st.integers(1, 200), max_size=60))
def test_each_number_counts_once_at_most(numbers: list[int]) -> None:
    """And in order, always: only a number far behind the highest is taken for a replay."""
    account, seen = Account(), set[int]()
    for n in numbers:
        result = account.judge(report(n))
        assert not (result == "accepted" and n in seen)
        if n not in seen and n > max(seen, default=0) - 64:
            assert result == "accepted"
        seen.add(n)


@given(st.integers(0, 50), st.lists(st.integers(0, 30), max_size=20))
def test_no_more_is_believed_than_was_sent(sent: int, claims: list[int]) -> None:
    """Over all reports of a token together; what is refused takes nothing from what follows."""
    account, believed = account_of(sent), 0
    for n, events in enumerate(claims, 1):
        result = account.judge(report(n, events=events))
        assert result == ("accepted" if believed + events <= sent else "implausible")
        believed += events if result == "accepted" else 0

    assert believed <= sent


def test_a_replay_is_a_replay_where_all_is_claimed_already() -> None:
    """Browsers send twice: that is no attack."""
    account = account_of(5)

    assert [account.judge(report(events=5)) for _ in range(2)] == ["accepted", "replayed"]


def test_what_is_lost_had_a_number() -> None:
    """A client sees a hole in numbers alone; without ids, or beyond the newest, there is none."""
    assert account_of(3, b"").judge(report(lost=1)) == "implausible"
    assert account_of(3, b"id: abc").judge(report(lost=1)) == "implausible"
    assert account_of(3, b"id: 200-k3x9").judge(report(lost=198)) == "accepted"
    assert account_of(3, b"id:200-k3x9").judge(report(lost=9000)) == "implausible"


def test_a_report_speaks_of_the_connections_before_too() -> None:
    """A client that was cut off reports all at once, under the token of now."""
    before, now = account_of(10, reason="client_disconnected"), account_of(4)

    assert now.judge(report(1, events=12), [before]) == "accepted"
    assert now.judge(report(2, events=3), [before]) == "implausible"
    assert now.judge(report(2, events=2), [before]) == "accepted"
    assert before.judge(report(1, events=1)) == "implausible"


def test_an_unreadable_stream_is_believed() -> None:
    """A compressed stream: nobody here has counted what was sent."""
    receipt = Receipt()
    receipt.begin(Sent(0))
    receipt.end("completed", readable=False)
    account = Account(OPEN)
    account.settle(receipt)

    assert account.judge(report(events=7, lost=3)) == "accepted"


def test_a_stream_ends_once() -> None:
    """Whatever else is reported of it, and however often."""
    account = Account(UNSEEN)

    results = [account.judge(report(n, outcome="failed")) for n in (1, 2, 3)]

    assert results == ["accepted", "replayed", "replayed"]
    assert account.judge(report(4)) == "accepted"


def test_who_was_sent_all_has_not_cancelled() -> None:
    """It would hide the failure of somebody else's stream."""
    assert account_of(5).judge(report(outcome="cancelled")) == "implausible"
    assert account_of(5).judge(report(outcome="completed")) == "accepted"
    left = account_of(5, reason="client_disconnected")
    assert left.judge(report(outcome="cancelled")) == "accepted"


def test_the_word_of_an_open_stream_waits_for_its_end() -> None:
    """Else a client could cancel first and read all of it afterwards."""
    for reason, believed in (("completed", False), ("client_disconnected", True)):
        account = Account(OPEN)
        leaving = report(outcome="cancelled")

        assert account.judge(leaving) == "accepted"
        assert leaving.outcome is None
        settled = account.settle(receipt_of(0, reason=reason))

        assert settled == (("cancelled", True) if believed else (None, False))
        assert account.judge(report(2, outcome="completed")) == "replayed"


def test_what_was_believed_elsewhere_is_compared_at_the_end() -> None:
    """Another worker cannot see what an open stream has sent so far."""
    account = Account(OPEN)
    assert account.judge(report(events=9)) == "accepted"

    assert account.settle(receipt_of(8)) == (None, False)
