"""The schedule: each target in its turn, spread over its interval."""

import asyncio
from pathlib import Path

from sse_observe.probe import config
from sse_observe.probe.config import Watched
from sse_observe.probe.prober import Prober, Skipped
from sse_observe.probe.schedule import Schedule
from tests.support.probing import written


class Counting(Prober):
    """A prober that only counts."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked: list[str] = []

    async def probe(self, watched: Watched, **_: object) -> None:  # type: ignore[override]
        self.asked.append(watched.name)
        if watched.name == "skipped":
            raise Skipped("under way")
        if watched.name == "broken":
            raise RuntimeError("a fault of ours")


def targets(*names: str, interval: float = 0.1) -> list[dict[str, object]]:
    url = "http://127.0.0.1:1/"
    return [{"name": n, "url": url, "module": "feed", "interval": interval} for n in names]


def test_every_target_comes_again_and_again(tmp_path: Path, monkeypatch) -> None:
    """One that is skipped, or meets a fault of ours, comes again as well."""
    monkeypatch.setattr(config, "_LEAST_INTERVAL", 0.01)
    path = written(tmp_path, targets=targets("a", "skipped", "broken"))

    async def run() -> list[str]:
        prober = Counting(path)
        plan = Schedule(prober)
        plan.apply()
        await asyncio.sleep(0.35)
        await plan.stop()
        stopped = len(prober.asked)
        await asyncio.sleep(0.15)
        assert len(prober.asked) == stopped
        return prober.asked

    asked = asyncio.run(run())
    assert asked[:3] == ["a", "skipped", "broken"]
    assert min(asked.count(name) for name in ("a", "skipped", "broken")) >= 2


def test_a_reload_leaves_the_others_alone(tmp_path: Path, monkeypatch) -> None:
    """Else every change of the file would ask everybody at once."""
    monkeypatch.setattr(config, "_LEAST_INTERVAL", 0.01)
    path = written(tmp_path, targets=targets("a", "b", interval=60))

    async def run() -> list[str]:
        prober = Counting(path)
        plan = Schedule(prober)
        prober.reloaded.append(plan.apply)
        plan.apply()
        await asyncio.sleep(0.05)
        written(tmp_path, targets=targets("a", "c", interval=60))
        prober.reload()
        await asyncio.sleep(0.05)
        await plan.stop()
        return prober.asked

    assert asyncio.run(run()) == ["a", "c"]
