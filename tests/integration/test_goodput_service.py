"""A whole gateway whose answers are scripted: each judgement is the script's, in Prometheus too."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from sse_observe.lab.local_bundle import LocalBundle
from sse_observe.lab.programs.prometheus import Prometheus
from tests.apps.judged_answers import JUDGED, LIMIT_SECONDS, PATH
from tests.support.programs import needs
from tests.support.servers import serve_process
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.long]

TIME_SCALE = 60
# So few that all of it takes most of a scaled hour: a rule sees no burst of seconds.
CALLERS = 9
DECK = ("whole",) * 14 + tuple(JUDGED)


async def call(client: httpx.AsyncClient, answer: str) -> None:
    """Read one answer to its end, or leave as its script has it."""
    # How an answer that fails looks to its reader is a matter of its own.
    with suppress(httpx.RemoteProtocolError, httpx.ReadError):
        async with client.stream("POST", PATH, json={"model": answer}) as response:
            async for line in response.aiter_lines():
                leaves = "more" if answer == "stopped" else "still here"
                if answer in ("stopped", "frozen") and leaves in line:
                    return


async def play(url: str, streams: int) -> Counter[str]:
    """Let callers read so many answers; return how each should have been judged."""
    dice = random.Random(11)
    decks = range(-(-streams // len(DECK)))
    dealt = iter([answer for _ in decks for answer in dice.sample(DECK, len(DECK))])
    done: list[str] = []

    async def caller(client: httpx.AsyncClient) -> None:
        for answer in dealt:
            await call(client, answer)
            done.append(answer)

    limits = httpx.Limits(max_connections=CALLERS)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        await asyncio.gather(*(caller(client) for _ in range(CALLERS)))
    words = (JUDGED[answer] for answer in done)
    return Counter(word for word in words if word is not None)


def judged(prometheus: Prometheus) -> dict[str, float]:
    """Return the judgements that Prometheus has scraped."""
    answer = prometheus.query("sum by (verdict) (sse_streams_judged_total) > 0")
    return {one.labels["verdict"]: one.value for one in answer}


@pytest.mark.parametrize("streams", [300, pytest.param(5000, marks=pytest.mark.prove)])
def test_every_judgement_is_the_one_of_the_script(streams: int, tmp_path: Path) -> None:
    """Late, silent, empty, failing, left before or after a breach: each counts once."""
    app = ("tests.apps.judged_answers:site", "--factory")
    with serve_process(*app, log=tmp_path / "service.log") as service:
        bundle = LocalBundle(service.url, TIME_SCALE)
        target = service.url.removeprefix("http://")
        watched = bundle.prometheus(tmp_path, {"llm": [target]}, program=needs("prometheus"))
        with watched as prometheus:
            true = asyncio.run(play(service.url, streams))
            with suppress(AssertionError):
                wait_until(lambda: judged(prometheus) == true, seconds=20)
            counted = judged(prometheus)
            [late] = prometheus.query(f'sse_late_streams{{route="{PATH}"}}')
            [good] = prometheus.query("route:sse_goodput:ratio_rate1h")
            limits = prometheus.query("route:sse_goodput_limit_seconds:max")

    assert sum(true.values()) > 0.9 * streams
    assert counted == true
    assert late.value == 0
    # The last hour, here a minute, is of the same deck as all.
    assert abs(good.value - true["good"] / sum(true.values())) < 0.03
    assert {one.value for one in limits} == {LIMIT_SECONDS}
