"""What many tests share: real programs, a fresh registry, a clock that is turned by hand."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from prometheus_client import CollectorRegistry

from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.registry import SSEMetrics
from tests.support.clock import Clock
from tests.support.programs import needs

# Shared machines stall for seconds: a deadline would only measure the neighbours.
settings.register_profile(
    "sse-observe", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("sse-observe")


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
