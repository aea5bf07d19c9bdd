"""Synthetic users: how long their connections live."""

import random

import pytest

from sse_observe.lab.demo.users import mobile


def test_most_connections_live_and_some_are_cut_within_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A fifth is cut, after half a second to four."""
    monkeypatch.setattr(random, "random", random.Random(1).random)
    lives = [mobile() for _ in range(2000)]
    cut = [life for life in lives if life is not None]

    assert len(cut) / len(lives) == pytest.approx(0.2, abs=0.03)
    assert all(0.5 <= life <= 4 for life in cut)
