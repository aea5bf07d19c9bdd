"""Both stores against a model: a reader gets each event once, or a gap that is counted."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from prometheus_client import CollectorRegistry

from sse_observe.reference import MemoryStore
from sse_observe.reference.redis import RedisStore
from sse_observe.reference.redis.mirrors import keys_of
from sse_observe.registry import SSEMetrics
from tests.support.redis_server import RedisServer
from tests.support.store_machine import MOST_EVENTS, StoreMachine

PREFIX = "model:"


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


class InMemory(StoreMachine):
    """The store in memory, which cannot lose its last writes."""

    make_store = staticmethod(lambda: MemoryStore(max_events=MOST_EVENTS))


def in_redis(server: RedisServer) -> type[StoreMachine]:
    """Return the machine over a real Redis."""

    class InRedis(StoreMachine):
        can_fail_over = True
        make_store = staticmethod(
            lambda: RedisStore.from_url(
                server.url,
                prefix=f"{PREFIX}{secrets.token_hex(3)}:",
                max_events=MOST_EVENTS,
                metrics=SSEMetrics(CollectorRegistry()),
            )
        )

        def _keys(self) -> tuple[str, str]:
            return keys_of(self.store._prefix, self.model.stream.id)  # type: ignore[attr-defined]

        def keep(self) -> Any:
            return [(key, server.client.dump(key)) for key in self._keys()]

        def fall_back(self, kept: Any) -> None:
            for key, value in kept:
                server.client.delete(key)
                if value is not None:
                    server.client.restore(key, 600_000, value)

    return InRedis


def prove(machine: type[StoreMachine], examples: int) -> None:
    """Run a machine so often."""
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=examples, stateful_step_count=40, deadline=None),
    )


@pytest.mark.slow
def test_memory_is_as_the_model_has_it() -> None:
    """A thousand random steps and more."""
    prove(InMemory, 60)


@pytest.mark.slow
def test_redis_is_as_the_model_has_it(redis_server: RedisServer) -> None:
    """With failovers that lose the last writes."""
    prove(in_redis(redis_server), 25)


@pytest.mark.prove
def test_both_are_as_the_model_has_it_for_long(redis_server: RedisServer) -> None:
    """Twenty times as often."""
    prove(InMemory, 1000)
    prove(in_redis(redis_server), 500)
