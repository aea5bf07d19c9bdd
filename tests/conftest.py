"""What many tests share: real programs, a fresh registry, a clock that is turned by hand."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings
from prometheus_client import CollectorRegistry

from sse_observe.lab.prometheus import Prometheus
from sse_observe.registry import SSEMetrics

ROOT = Path(__file__).parent.parent

# Shared machines stall for seconds: a deadline would only measure the neighbours.
settings.register_profile(
    "sse-observe", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("sse-observe")


def needs(program: str) -> str:
    """
    Return a program's path; without it fail in CI, and skip with the reason elsewhere.

    `SSE_OBSERVE_PROMETHEUS=/path` (or another program's name) takes another version of it.
    """
    path = shutil.which(os.environ.get(f"SSE_OBSERVE_{program.upper()}", program))
    if path is None:
        absent(f"{program} is not installed; `make setup` installs it")
    return path


def absent(reason: str) -> NoReturn:
    """End a test that lacks a part: a failure in CI, a skip with its reason elsewhere."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    raise AssertionError(reason)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the exhaustive tests to the run that asks for them by `-m`."""
    if "prove" in config.getoption("-m"):
        return
    kept = [item for item in items if item.get_closest_marker("prove") is None]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.fixture
def metrics() -> SSEMetrics:
    """Return metrics in a registry that no other test sees."""
    return SSEMetrics(CollectorRegistry())


class Clock:
    """A monotonic clock that moves only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def tick(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """Return a clock to turn by hand."""
    return Clock()


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Return the one Prometheus of the session: no targets, no rules, history is pushed to it."""
    program = needs("prometheus")
    directory = tmp_path_factory.mktemp("prometheus")
    with Prometheus(directory, targets={}, program=program) as running:
        yield running
