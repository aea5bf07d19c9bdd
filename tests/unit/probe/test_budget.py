"""Budgets: counted by day, kept over restarts, and never spent where they cannot be kept."""

from pathlib import Path

import pytest

from sse_observe.errors import CheckError
from sse_observe.probe.budget import Budgets, Spent
from sse_observe.probe.module import Budget

BUDGET = Budget(requests_per_day=2, tokens_per_day=100)


class Day:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 86_400.0 * 3

    def __call__(self) -> float:
        return self.now


def test_requests_are_counted_before_they_are_made(tmp_path: Path) -> None:
    """The third of two is refused."""
    budgets = Budgets(tmp_path / "state", Day())

    assert [budgets.take("chat", BUDGET) for _ in range(3)] == [True, True, False]
    assert budgets.take("other", BUDGET)


def test_tokens_are_a_limit_of_their_own(tmp_path: Path) -> None:
    """One long answer may spend the day."""
    budgets = Budgets(tmp_path / "state", Day())
    assert budgets.take("chat", BUDGET)
    budgets.add_tokens("chat", 100)

    assert not budgets.take("chat", BUDGET)


def test_a_restart_spends_nothing_again(tmp_path: Path) -> None:
    """The file holds it, and the next day begins at nothing."""
    day = Day()
    first = Budgets(tmp_path / "state", day)
    first.take("chat", BUDGET)
    first.add_tokens("chat", 7)
    second = Budgets(tmp_path / "state", day)

    assert second.spent("chat") == Spent(1, 7)
    day.now += 86_400
    assert second.spent("chat") == Spent(0, 0)


def test_what_cannot_be_kept_is_not_spent(tmp_path: Path) -> None:
    """A disk that is full would else let a restart loop ask for ever."""
    home = tmp_path / "home"
    home.mkdir()
    budgets = Budgets(home / "state", Day())
    (home / "state").unlink()
    home.rmdir()

    assert not budgets.take("chat", BUDGET)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"day": 1}', '{"day": 1, "spent": {"a": 3}}', "[" * 100_000),
        '{"day": Infinity, "spent": {}}',
    ],
)
def test_a_torn_file_is_one_line(tmp_path: Path, text: str) -> None:
    """Nobody guesses what was spent."""
    (tmp_path / "state").write_text(text)
    with pytest.raises(CheckError, match="is not ours, or torn"):
        Budgets(tmp_path / "state")


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """So it is told at the start, and not at the first question."""
    with pytest.raises(CheckError, match="cannot be written"):
        Budgets(tmp_path / "no" / "state")
