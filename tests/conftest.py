"""Fixtures that many tests share: a fresh registry, a clock turned by hand, a real Prometheus."""

import gc
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from prometheus_client import CollectorRegistry
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.registry import SSEMetrics
from tests.support.clock import Clock
from tests.support.programs import needs

# Shared machines stall for seconds: a deadline would only measure the neighbours.
settings.register_profile(
    "sse-observe", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("sse-observe")


# They judge the same services by the same rules: evaluated once, if one process has them all.
ONE_WORLD = {
    "tests/integration/test_missed_evaluations.py",
    "tests/integration/test_mutation.py",
    "tests/integration/test_runbook_queries.py",
    "tests/integration/test_signals.py",
    "tests/unit/render/targets/test_grafana_alerting.py",
}


class _ByFile(LoadFileScheduling):
    """Keep each file in one process, and those of one world together."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "one world" if file in ONE_WORLD else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Return how tests are given to processes."""
    return _ByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the files that wait longest first, and leave out what `-m` must ask for by name."""
    long = {item.path for item in items if item.get_closest_marker("long")}
    long |= {config.rootpath / file for file in ONE_WORLD}
    items.sort(key=lambda item: item.path not in long)
    if "prove" in config.getoption("-m"):
        return
    exhaustive = {item for item in items if item.get_closest_marker("prove")}
    config.hook.pytest_deselected(items=list(exhaustive))
    items[:] = [item for item in items if item not in exhaustive]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the collector off what is there for good, and let it look seldom: 6 % of all time."""
    # What is imported stays: to search it again and again takes a seventh of the time.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 10, 10)
        gc.enable()


@pytest.fixture
def metrics() -> SSEMetrics:
    """Return metrics in a registry that no other test sees."""
    return SSEMetrics(CollectorRegistry())


@pytest.fixture
def clock() -> Clock:
    """Return a clock to turn by hand."""
    return Clock()


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Return the one Prometheus of this process: no targets, no rules, history is pushed to it."""
    program = needs("prometheus")
    directory = tmp_path_factory.mktemp("prometheus")
    # It keeps all in memory: a block for each two hours of sixty days per test takes seconds, and
    # queries meet files that are being cut off.
    flags = ["--storage.tsdb.min-block-duration=200y"]
    with Prometheus(directory, targets={}, program=program, flags=flags) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Return the one Chromium of this process."""
    from tests.support.chromium import Chromium

    browser = Chromium(needs("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def window(chromium: Any) -> Iterator[Any]:
    """Return a window with cookies, storage and connections of its own."""
    with chromium.window() as opened:
        yield opened
