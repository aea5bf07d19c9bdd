"""
A whole LLM service in an incident: three APIs, the vendors' SDK, a real Prometheus, the rules.

Every answer is dealt from a deck, so the truth of it is known. Run as a program: it prints what
was true and what was recorded as one JSON document.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import requests
from prometheus_client.parser import text_string_to_metric_families as parse

from sse_observe.lab.local_bundle import LocalBundle
from sse_observe.lab.programs.prometheus import Prometheus
from tests.support.programs import needs
from tests.support.servers import serve_process
from tests.support.waiting import until

TIME_SCALE = 120
HOUR_SECONDS = 3600 / TIME_SCALE
HEALTHY_SECONDS = 5
# After the last alert that is due: ten minutes.
OVERTIME_SECONDS = 600 / TIME_SCALE
PATIENCE_SECONDS = 150
# The rates that an hour adds up look five minutes back.
RATE_SECONDS = 300 / TIME_SCALE
JOB = "llm"
CHAT, REASONING = "/v1/chat/completions", "/v1/responses"
CHATTING, REASONERS = 32, 6
DUE = {
    *("SSEErrorBudgetBurn", "SSECompletionRateLow", "SSEErrorEvents"),
    *("SSEStreamsRejected", "SSESlowFirstEvent"),
}
FAILING = {
    "refused-inside": "error_event",
    "fails": "error_event",
    "fails-on": "error_event",
    "cut": "server_error",
    "times-out": "server_error",
    "unfinished": "server_error",
}
"""Six ways to fail, and what each is to be counted as."""
DELIVERED = ("whole", "slow", "slower")
HEALTHY = ("whole",) * 9 + ("slow",) * 3 + ("endless",)
"""The deck before the incident; who is dealt `endless` stops in the middle."""
# A third of the answers that nobody stops and that are not refused fail.
INCIDENT = ("whole",) * 8 + ("slower",) * 4 + tuple(FAILING) + ("endless",) * 2 + ("busy",) * 5


class Ended(NamedTuple):
    """One answer that was dealt, and when its client was done with it."""

    at: float
    answer: str


class Users:
    """Tasks that ask by the vendor's SDK, and write down what they were dealt."""

    def __init__(self, url: str) -> None:
        # Who only asks for our constants need not wait for it.
        import openai

        self._sdk = openai
        self._client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)
        self._leaving = False
        self._dice = random.Random(7)
        self._hand = self._dealt()
        self.deck = HEALTHY
        self.ended: list[Ended] = []
        self.reasoned = 0

    async def run(self) -> None:
        """Ask until told to leave; every answer is read to its end."""
        await asyncio.gather(
            *(self._chat() for _ in range(CHATTING)), *(self._reason() for _ in range(REASONERS))
        )

    def leave(self) -> None:
        """Ask for nothing more."""
        self._leaving = True

    def _dealt(self) -> Iterator[str]:
        # One deck for all: each round of it holds exactly its share of failures.
        while True:
            deck = self.deck
            for answer in self._dice.sample(deck, len(deck)):
                if deck is not self.deck:
                    break
                yield answer

    async def _chat(self) -> None:
        while not self._leaving:
            await asyncio.sleep(self._dice.uniform(0, 1))
            answer = next(self._hand)
            # A refusal; no connection at all would be none of the deck's, and ends the run.
            with suppress(self._sdk.APIStatusError):
                await self._read(answer)
            self.ended.append(Ended(time.time(), answer))

    async def _read(self, answer: str) -> None:
        words = 0
        stream = await self._client.chat.completions.create(model=answer, messages=[], stream=True)
        # How an answer that fails looks to its user is a matter of its own.
        with suppress(self._sdk.OpenAIError):
            async with stream:
                async for _ in stream:
                    words += 1
                    if answer == "endless" and words == 5:
                        return

    async def _reason(self) -> None:
        """Ask a model that always thinks for long, which is nobody's alert."""
        while not self._leaving:
            await asyncio.sleep(self._dice.uniform(0, 3))
            stream = await self._client.responses.create(model="slower", input="?", stream=True)
            async with stream:
                async for _ in stream:
                    pass
            self.reasoned += 1

    def truth(self, now: float) -> float:
        """Return the share of delivered answers over an hour, of those that nobody stopped."""
        seen: Counter[str] = Counter()
        for one in self.ended:
            # An hour adds up rates: an answer counts as long as the hour's rates look back at it.
            looked_at = min(now, one.at + RATE_SECONDS) - max(now - HOUR_SECONDS, one.at)
            seen[one.answer] += max(looked_at, 0)
        delivered = sum(seen[answer] for answer in DELIVERED)
        return delivered / (delivered + sum(seen[answer] for answer in FAILING))


class Watch:
    """A look at Prometheus: which alerts fire, and the completion that was recorded."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self.fired: set[tuple[str, str]] = set()

    def look(self) -> set[str]:
        """Take note of what fires now; return the names of all that have fired."""
        for alert in self._prometheus.alerts():
            if alert.state == "firing":
                self.fired.add((alert.name, alert.labels.get("route", "")))
        return {name for name, _ in self.fired}

    def completion(self, route: str) -> float | None:
        """Return the completion over an hour."""
        expr = f'route:sse_stream_completion:ratio_rate1h{{route="{route}"}}'
        return next((one.value for one in self._prometheus.query(expr)), None)


def counted(url: str) -> dict[str, dict[str, float]]:
    """Return what the service exports of its ends and refusals, by route."""
    found: dict[str, dict[str, float]] = {}
    for family in parse(requests.get(f"{url}/metrics", timeout=30).text):
        for sample in family.samples:
            labels = sample.labels
            word = {
                "sse_streams_closed_total": labels.get("reason", ""),
                "sse_open_rejected_total": f"rejected {labels.get('status')}",
                "sse_streams_empty_total": "empty",
                "sse_concurrent_streams": "open",
            }.get(sample.name)
            if word is not None and sample.value:
                counts = found.setdefault(labels["route"], {})
                counts[word] = counts.get(word, 0) + sample.value
    return found


def scripted(ended: list[Ended]) -> dict[str, float]:
    """Return what should have been counted of the chat."""
    words = {
        **dict.fromkeys(DELIVERED, "completed"),
        **FAILING,
        "endless": "client_disconnected",
        "busy": "rejected 429",
    }
    return dict(Counter(words[one.answer] for one in ended))


async def incident(url: str, prometheus: Prometheus) -> dict[str, Any]:
    """Be healthy, then break until each alert that is due has fired, and for an hour at least."""
    users, watch = Users(url), Watch(prometheus)
    asking = asyncio.create_task(users.run())
    await until(lambda: watch.completion(CHAT) is not None, "a completion", step_seconds=0.3)
    await asyncio.sleep(HEALTHY_SECONDS)
    healthy = await asyncio.to_thread(watch.look)
    healthy_completion = watch.completion(CHAT)
    users.deck = INCIDENT
    began = time.monotonic()
    # The hour that is judged lies within the incident, and what is false needs its time too.
    enough = began + HOUR_SECONDS + 2 * RATE_SECONDS
    while time.monotonic() < enough:
        await asyncio.sleep(0.4)
        missing = DUE - await asyncio.to_thread(watch.look)
        if missing and time.monotonic() < began + PATIENCE_SECONDS:
            enough = max(enough, time.monotonic() + OVERTIME_SECONDS)
    recorded, reasoning = watch.completion(CHAT), watch.completion(REASONING)
    truth = users.truth(time.time())
    users.leave()
    await asking
    with suppress(AssertionError):
        await until(lambda: not any("open" in one for one in counted(url).values()))
    return {
        "while_healthy": sorted(healthy),
        "healthy_completion": healthy_completion,
        "fired": sorted(watch.fired),
        "truth": truth,
        "recorded": recorded,
        "reasoning": reasoning,
        "scripted": {CHAT: scripted(users.ended), REASONING: {"completed": users.reasoned}},
        "counted": counted(url),
    }


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_process(
            *("tests.apps.model_apis:model_site", "--factory"),
            # Longer than any client keeps an idle connection: nobody asks into one that closes.
            *("--timeout-keep-alive", "75"),
            log=Path(folder, "service.log"),
        ) as service,
    ):
        bundle = LocalBundle(service.url, TIME_SCALE)
        target = service.url.removeprefix("http://")
        with bundle.prometheus(
            Path(folder), {JOB: [target]}, program=needs("prometheus")
        ) as watching:
            json.dump(asyncio.run(incident(service.url, watching)), sys.stdout)
