"""The switch of a fault."""

import asyncio

from sse_observe.lab.drill.switch import Switch


def test_listeners_hear_each_turn() -> None:
    """A connection from before the fault has to notice it too."""
    heard: list[bool] = []
    switch = Switch(listeners=[heard.append])
    switch.turn(True)
    switch.turn(False)

    assert heard == [True, False]
    assert not switch.on


def test_who_waits_goes_on_once_it_is_off() -> None:
    """A frozen answer thaws with the repair, and not before."""

    async def run() -> tuple[bool, bool]:
        switch = Switch(on=True)
        waiting = asyncio.create_task(switch.wait_off())
        await asyncio.sleep(0)
        before = waiting.done()
        switch.turn(False)
        await asyncio.wait_for(waiting, 10)
        return before, waiting.done()

    assert asyncio.run(run()) == (False, True)
