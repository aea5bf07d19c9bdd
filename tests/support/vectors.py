"""
Test vectors of the metric contract: recorded streams, and the exposition that must follow.

`docs/reference/metric-contract.md` says how they are read. `python -m tests.support.vectors`
replays each and writes what follows now into its file: look at the difference.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute, current_stream
from sse_observe.middleware.tracker import StreamTracker
from tests.support.asgi import END, Exchange, body, http_scope
from tests.support.clock import Clock
from tests.support.paths import ROOT

FOLDER = ROOT / "docs/reference/vectors"
VECTORS = sorted(FOLDER.glob("*.json"))
OWN = ("sse_build_info", "sse_start_time_seconds", "sse_event_loop_lag", "sse_route_info")
"""They tell of the process, or of the declaration, and not of the streams."""
_SECONDS = 10
"""Nothing waits for time that passes: a replay that takes longer waits for ever."""


class ApplicationFailed(Exception):  # noqa: N818 - the vector's own word
    """The error of an application that fails."""


class Replay:
    """One application, observed; its clock goes from step to step, and ticks each second."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self._vector = vector
        self._clock = Clock()
        self._begun = self._clock.now
        self._metrics = SSEMetrics(CollectorRegistry())
        routes = {
            template: StreamRoute(
                **{key: tuple(one) if isinstance(one, list) else one for key, one in given.items()}
            )
            for template, given in vector["routes"].items()
        }
        self._app = SSEObserveMiddleware(
            self._serve, routes=routes, metrics=self._metrics, clock=self._clock
        )
        self._steps: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self._shown: list[str] = []

    def exposition(self) -> list[str]:
        """Return the lines that are not 0 at the end, sorted."""
        asyncio.run(asyncio.wait_for(self._run(), _SECONDS))
        return self._shown

    def _look(self) -> None:
        self._shown = sorted(
            f"{sample.name}{{{labels}}} {sample.value:g}"
            for family in self._metrics.registry.collect()
            for sample in family.samples
            if sample.value and not sample.name.startswith(OWN)
            for labels in [",".join(f'{k}="{v}"' for k, v in sorted(sample.labels.items()))]
        )

    async def _run(self) -> None:
        tracker = StreamTracker.of(self._metrics)
        running: list[asyncio.Task[Any]] = []
        for at, what, value in self._vector["steps"]:
            while self._clock.now < self._begun + at:
                self._clock.now = min(int(self._clock.now) + 1.0, self._begun + at)
                if self._clock.now == int(self._clock.now):
                    tracker.tick()
            if what == "request":
                scope = http_scope(
                    value["path"],
                    method=value.get("method", "GET"),
                    headers=value.get("headers", {}),
                )
                exchange = Exchange(self._app, scope)
                running.append(asyncio.create_task(exchange.run()))
            elif what == "shutdown":
                await self._shut_down()
            elif what == "vanish":
                exchange.gone.set()
            elif what == "look":
                pass
            else:
                if what == "leave":
                    exchange.gone.set()
                self._steps.put_nowait((what, value))
                await self._steps.join()
            for _ in range(5):
                await asyncio.sleep(0)
        tracker.flush()
        self._look()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                pass
            return
        while True:
            what, value = await self._steps.get()
            self._steps.task_done()
            if what == "answer":
                headers = [(k.encode(), v.encode()) for k, v in value["headers"].items()]
                await send(
                    {
                        "type": "http.response.start",
                        "status": value["status"],
                        "headers": headers,
                    }
                )
            elif what == "send":
                await send(body(value.encode()))
            elif what == "end":
                await send(END)
                return
            elif what == "rotate":
                current_stream().end_reason("rotated")
                await send(END)
                return
            elif what == "leave":
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
            elif what == "fail":
                raise ApplicationFailed

    async def _shut_down(self) -> None:
        messages = iter(["lifespan.startup", "lifespan.shutdown"])

        async def receive() -> dict[str, str]:
            return {"type": next(messages)}

        async def send(_: Any) -> None:
            pass

        await self._app({"type": "lifespan"}, receive, send)


def load(path: Path) -> dict[str, Any]:
    """Return one vector."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def text(vector: dict[str, Any]) -> str:
    """Write a vector with one step, and one line of the exposition, in a line."""

    def listed(values: list[Any]) -> str:
        lines = ",\n    ".join(json.dumps(value, ensure_ascii=False) for value in values)
        return f"[\n    {lines}\n  ]"

    head = ",\n  ".join(
        f"{json.dumps(key)}: {json.dumps(vector[key])}" for key in ("claim", "routes")
    )
    steps, exposition = listed(vector["steps"]), listed(vector["exposition"])
    return f'{{\n  {head},\n  "steps": {steps},\n  "exposition": {exposition}\n}}\n'


if __name__ == "__main__":
    for each in VECTORS:
        one = load(each)
        each.write_text(text({**one, "exposition": Replay(one).exposition()}))
