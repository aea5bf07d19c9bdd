"""
Strangers: everything that somebody may send to a beacon who wants its numbers wrong.

Knows HTTP and what a report looks like; keeps count of every word that was believed.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from sse_observe.beacon.tokens import Tokens

PATH = "/api/v1/stream"
_FOREIGN = Tokens("a secret of somebody else's")


def addresses(many: int) -> Iterator[str]:
    """Yield addresses of this machine that are nobody else's here."""
    for n in range(many):
        yield f"127.{1 + n // 62_500}.{n // 250 % 250}.{1 + n % 250}"


class Stranger:
    """
    Somebody at one address who opens no stream, or `streams` of his own, and lies about them.

    `answers` counts the status of each kind of report, so that a test knows what was believed.
    """

    def __init__(self, port: int, address: str, answers: Counter[tuple[str, int]]) -> None:
        self._port = port
        self._address = address
        self._answers = answers
        self._chance = random.Random(address)

    async def lie(self, until: float, *, streams: int = 0) -> None:
        """Say what is not true until a moment of the loop's clock."""
        loop = asyncio.get_running_loop()
        tokens = [await self._own_stream() for _ in range(streams)]
        # To read a stream takes its time; one round of lies comes after it.
        until = max(until, loop.time() + 0.01)
        turn = 0
        while loop.time() < until:
            turn += 1
            with suppress(OSError, EOFError):
                await self._without_a_stream(turn)
                for token in tokens:
                    await self._of_his_own(token, turn)

    async def _without_a_stream(self, turn: int) -> None:
        status, answer = await self._ask("GET", f"/sse/token?path={PATH}&network_type=4g")
        self._answers["token", status] += 1
        labels = (PATH, "all", "4g")
        tokens = [_FOREIGN.issue(*labels), "", "x.y", _FOREIGN.issue(*labels)[:-3] + "AAA"]
        if status == 200:
            tokens.append(json.loads(answer)["report_token"])
        for token in tokens:
            for outcome in ("cancelled", "completed", "failed"):
                await self._report(f"{outcome} without a stream", token, turn, outcome=outcome)
            await self._report("loss without a stream", token, turn, lost=5000)

    async def _of_his_own(self, token: str, turn: int) -> None:
        """Tell lies about a stream that was delivered, under a token that is good."""
        chance = self._chance
        await self._report("cancelled", token, 10 * turn, outcome="cancelled")
        await self._report("lost", token, 10 * turn + 1, lost=chance.randint(500, 10_000))
        await self._report("received", token, 10 * turn + 2, events=chance.randint(500, 10**6))
        repeated = {"events": 1000, "duplicates": 1000}
        await self._report("repeated", token, 10 * turn + 3, **repeated)

    async def _own_stream(self) -> str:
        """Read a stream of the service to its end, and return the token that it carried."""
        _, body = await self._ask("GET", f"{PATH}?network_type=slow-2g")
        hello = body.partition(b"data: ")[2].partition(b"\n")[0]
        # The server's tick closes a stream within a second; until then a word about it waits, and
        # its answer does not tell whether it is believed.
        await asyncio.sleep(2.5)
        return str(json.loads(hello)["report_token"])

    async def _report(self, kind: str, token: str, n: int, **more: Any) -> None:
        report = json.dumps({"token": token, "n": n, **more})
        status, _ = await self._ask("POST", "/sse/deltas", report.encode())
        self._answers[kind, status] += 1

    async def _ask(self, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
        """Send one request from the stranger's address; return the status and all that comes."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self._port, local_addr=(self._address, 0)
        )
        try:
            head = f"{method} {target} HTTP/1.0\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            answer = await reader.read()
        finally:
            writer.close()
        head_of, _, content = answer.partition(b"\r\n\r\n")
        return int(head_of.split(b" ")[1]), content


async def attack(
    port: int, many: int, seconds: float, *, at_once: int = 20, streams: int = 0
) -> Counter[tuple[str, int]]:
    """Let strangers at so many addresses lie for a while; return how each kind was answered."""
    answers: Counter[tuple[str, int]] = Counter()
    until = asyncio.get_running_loop().time() + seconds
    waiting = list(addresses(many))
    own = iter([1] * streams)

    async def one_after_another() -> None:
        while waiting and asyncio.get_running_loop().time() < until:
            stranger = Stranger(port, waiting.pop(), answers)
            share = until if many <= at_once else 0
            with suppress(OSError, EOFError):
                await stranger.lie(share or _soon(until), streams=next(own, 0))

    await asyncio.gather(*(one_after_another() for _ in range(min(at_once, many))))
    return answers


def _soon(until: float) -> float:
    """Return a moment after one round of lies."""
    return min(until, asyncio.get_running_loop().time() + 0.01)


def believed(answers: Counter[tuple[str, int]]) -> dict[str, int]:
    """Return which lies were accepted, and how often."""
    return {kind: n for (kind, status), n in answers.items() if status == 204 and kind != "token"}
