"""A Redis for a drill: there when the block runs, and empty each time it starts."""

from pathlib import Path

import pytest
import redis

from sse_observe.lab.programs.redis import Redis
from tests.support.programs import needs

pytestmark = pytest.mark.slow


def test_it_starts_again_on_its_port_and_has_forgotten_all(tmp_path: Path) -> None:
    """A restart without persistence is what most caches do."""
    needs("redis-server")
    with Redis(tmp_path / "redis") as server, redis.Redis(port=server.port) as client:
        client.set("a", 1)
        server.stop()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        server.start()
        assert client.dbsize() == 0
