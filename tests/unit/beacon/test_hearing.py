"""Silence proves nothing where reports may have gone elsewhere, or were refused unread."""

import pytest

from sse_observe.beacon.hearing import Hearing
from sse_observe.beacon.limits import MOST_KEYS
from tests.support.clock import Clock


@pytest.fixture
def hearing(clock: Clock) -> Hearing:
    return Hearing(60, clock)


def test_a_host_of_which_nothing_else_is_known_is_alone(hearing: Hearing) -> None:
    """Also before anything was heard."""
    assert hearing.is_alone
    for _ in range(100):
        hearing.heard(0)
    assert hearing.is_alone


def test_a_report_of_another_hosts_stream_shows_that_reports_wander(
    hearing: Hearing, clock: Clock
) -> None:
    """For an hour: whoever sends them to any host does so all the time."""
    hearing.foreign()
    clock.tick(3599)
    assert not hearing.is_alone
    clock.tick(1)
    assert hearing.is_alone


@pytest.mark.parametrize(("every", "alone"), [(1, False), (2, False), (5, False), (20, True)])
def test_reports_that_are_missing_went_elsewhere_if_they_are_many(
    hearing: Hearing, every: int, alone: bool
) -> None:
    """One in twenty is lost on the way; of two hosts each misses half."""
    for n in range(200):
        hearing.heard(1 if n % every == 0 else 0)

    assert hearing.is_alone is alone


def test_one_that_comes_late_after_all_is_not_missing(hearing: Hearing) -> None:
    """A browser sends again what a server could not take."""
    for _ in range(50):
        hearing.heard(1)
        # Of three numbers the second one comes last.
        hearing.heard(-2)

    assert hearing.is_alone


def test_another_secret_means_that_ours_may_be_refused_elsewhere(
    hearing: Hearing, clock: Clock
) -> None:
    """A client that was refused asks for another token, and ours is heard of no more."""
    for _ in range(10):
        hearing.unreadable()
        hearing.heard(0)
    assert not hearing.is_alone
    # What was long ago weighs less and less.
    for _ in range(8):
        clock.tick(600)
        for _ in range(10):
            hearing.heard(0)
    assert hearing.is_alone


def test_one_client_that_counts_wrongly_stands_for_few(hearing: Hearing) -> None:
    """It may name any number up to a million."""
    for _ in range(100):
        hearing.heard(0)
    hearing.heard(999_999)
    assert hearing.is_alone


def test_an_address_is_unheard_from_when_it_was_refused(hearing: Hearing, clock: Clock) -> None:
    """Others are heard, unless all were refused; what is remembered is bounded."""
    hearing.refused("a")
    at = clock.now
    clock.tick(5)
    assert hearing.refusal("a") == at
    assert hearing.refusal("b") < 0
    hearing.refused(None)
    assert hearing.refusal("a") == hearing.refusal("b") == clock.now
    for n in range(2 * MOST_KEYS):
        hearing.refused(str(n))
    assert len(hearing._refused) == MOST_KEYS
