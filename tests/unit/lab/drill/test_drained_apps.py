"""A feed that any host goes on with, and answers that end, below one path."""

import asyncio

import pytest

from sse_observe.draining import Drain
from sse_observe.lab.drill import drained_apps
from sse_observe.lab.drill.drained_apps import ANSWER, WORDS, anywhere
from sse_observe.lab.drill.switch import Switch
from tests.support.virtual import Visit, now, run


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the wall clock follow the virtual one."""
    monkeypatch.setattr(drained_apps.time, "time", now)


@pytest.mark.usefixtures("wall")
def test_a_feed_goes_on_at_another_host_where_it_was() -> None:
    """Its events follow from the clock, so none is lost between two hosts, and none comes twice."""

    async def main() -> None:
        first = Visit(anywhere(Switch()), "/f")
        await asyncio.sleep(10)
        first.task.cancel()
        await asyncio.sleep(6)
        cursor = {"last-event-id": first.ids[-1]}
        second = Visit(anywhere(Switch()), "/f", headers=cursor)
        await asyncio.sleep(6)
        second.task.cancel()

        numbers = [int(one.partition("-")[0]) for one in (*first.ids, *second.ids)]
        assert len(numbers) > 9
        assert numbers == [*range(numbers[0], numbers[-1] + 1)]
        assert second.hello

    run(main())


@pytest.mark.usefixtures("wall")
def test_an_answer_ends_by_itself_also_while_its_host_is_drained() -> None:
    """A drain is longer than any of them."""

    async def main() -> None:
        app = anywhere(Switch())
        assert isinstance(app, Drain)
        answer = Visit(app, f"/f{ANSWER}")
        await asyncio.sleep(1)
        app.begin()
        await answer.ended()
        assert len(answer.payloads) == WORDS
        assert answer.events[-1].type == "done"

    run(main())
