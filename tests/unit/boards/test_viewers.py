"""Viewers share what they look at: the source is asked once for all."""

import asyncio
import json

import pytest

from sse_observe.boards.choice import Choice
from sse_observe.boards.reader import BoardReader, LiveBoard
from sse_observe.boards.viewers import Viewers
from sse_observe.catalog.model import Board
from tests.unit.boards.conftest import CATALOG

HEALTH, STALLS, *_ = CATALOG.boards


def test_many_viewers_of_one_board_cost_as_much_as_one(
    reader: BoardReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten tabs must not ask a Prometheus ten times; another board is another question."""
    read, asked = reader.read, []

    def counted(board: Board, choice: Choice) -> LiveBoard:
        asked.append(board.name)
        return read(board, choice)

    monkeypatch.setattr(reader, "read", counted)

    async def look() -> list[bytes]:
        viewers = Viewers(reader)
        answers = await asyncio.gather(*(viewers.answer(HEALTH, Choice()) for _ in range(10)))
        await viewers.answer(HEALTH, Choice())
        await viewers.answer(STALLS, Choice())
        return answers

    answers = asyncio.run(look())

    assert len(set(answers)) == 1
    assert asked == [HEALTH.name, STALLS.name]


def test_a_viewer_who_leaves_takes_the_answer_from_nobody(reader: BoardReader) -> None:
    """A tab that is closed early is no failure for the other one."""

    async def look() -> bytes:
        viewers = Viewers(reader)
        first = asyncio.create_task(viewers.answer(HEALTH, Choice()))
        await asyncio.sleep(0)
        second = asyncio.create_task(viewers.answer(HEALTH, Choice()))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert json.loads(asyncio.run(look()))["board"]


def test_answers_that_are_kept_are_few(reader: BoardReader) -> None:
    """Addresses that nobody looks at any more leave nothing behind."""

    async def look() -> int:
        viewers = Viewers(reader)
        for hours in range(1, 40):
            await viewers.answer(HEALTH, Choice(f"wrong-{hours}"))
        return len(viewers._kept)

    assert asyncio.run(look()) <= 16
