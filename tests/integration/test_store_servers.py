"""Redis in its other shapes: behind Sentinels that change its master, and as a cluster."""

import asyncio
import secrets
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe.lab.programs.process import free_port
from sse_observe.reference import StoreDownError, Stream, StreamStore, Write
from sse_observe.reference.redis import RedisStore
from sse_observe.reference.store_contract import StoreContract
from sse_observe.registry import SSEMetrics
from tests.support.hops import certificate
from tests.support.programs import needs
from tests.support.redis_server import RedisServer
from tests.support.stream_hosts import Client, Script, fleet

pytestmark = [pytest.mark.slow, pytest.mark.long]


class Sentinel(RedisServer):
    """One Sentinel, which decides alone."""

    def __init__(self, directory: Path, master: RedisServer) -> None:
        super().__init__(directory, program="redis-sentinel")
        self._master = master

    def start(self, *options: str) -> "Sentinel":
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self.directory / "sentinel.conf"
        config.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.directory}\n"
            f"sentinel monitor streams 127.0.0.1 {self._master.port} 1\n"
            "sentinel down-after-milliseconds streams 300\n"
            "sentinel failover-timeout streams 2000\n"
        )
        self._process = subprocess.Popen(
            [self._program, str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while not self._accepts():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return self


def test_sentinels_change_the_master_and_nobody_reads_a_wrong_event(tmp_path: Path) -> None:
    """The master is killed; its replica goes on, and what it had not heard of is written again."""
    total = 150
    with ExitStack() as stack:
        master = stack.enter_context(RedisServer(tmp_path / "master"))
        replica = stack.enter_context(
            RedisServer(tmp_path / "replica", "--replicaof", "127.0.0.1", str(master.port))
        )
        deadline = time.monotonic() + 20
        while replica.client.info("replication")["master_link_status"] != "up":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        sentinel = stack.enter_context(Sentinel(tmp_path / "sentinel", master))
        while not sentinel.client.sentinel_slaves("streams"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/streams/0"
        script = Script(total, pause=0.05)

        async def main() -> None:
            bounds = {"lease_seconds": 8}
            async with fleet(master.port, script, url=url, bounds=bounds) as (one, other):
                name = await one.begin()
                clients = [Client([one, other], name), Client([other], name)]
                await clients[0].until(lambda c: len(c.words) > 20)
                await asyncio.to_thread(master.kill)
                clients[0].cut()
                for client in clients:
                    await client.finished()
                    assert client.words == [f"1:{n}:x" for n in range(total)]
                    assert (client.gaps, client.duplicates, client.errors) == ([], 0, [])
                assert (script.runs, script.produced) == (1, total)

        asyncio.run(main())
        assert replica.client.info("replication")["role"] == "master"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a cluster of three nodes."""
    directory = tmp_path_factory.mktemp("cluster")
    with ExitStack() as stack:
        nodes = []
        for n in range(3):
            bus = free_port()
            options = ["--cluster-enabled", "yes", "--cluster-port", str(bus)]
            node = RedisServer(directory / str(n), *options)
            nodes.append(stack.enter_context(node))
        addresses = [f"127.0.0.1:{node.port}" for node in nodes]
        command = [needs("redis-cli"), "--cluster", "create", *addresses, "--cluster-yes"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        deadline = time.monotonic() + 30
        while any(b"cluster_state:ok" not in _info(node) for node in nodes):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield f"redis+cluster://{','.join(addresses)}"


def _info(node: RedisServer) -> bytes:
    answer = node.client.execute_command("CLUSTER", "INFO")
    text = answer if isinstance(answer, bytes) else str(answer).encode()
    return text if b"cluster_state:ok" not in text else b"cluster_state:ok"


class TestCluster(StoreContract):
    """The contract over a cluster: a stream's keys share a slot, and different streams none."""

    @pytest.fixture(autouse=True)
    def _cluster(self, cluster: str) -> None:
        self.url = cluster

    @asynccontextmanager
    async def store(self, **bounds: Any) -> AsyncIterator[StreamStore]:
        metrics = SSEMetrics(CollectorRegistry())
        prefix = f"t{secrets.token_hex(4)}:"
        store = RedisStore.from_url(self.url, prefix=prefix, metrics=metrics, **bounds)
        try:
            yield store
        finally:
            await store.aclose()


def test_a_store_behind_tls_is_written_and_heard(tmp_path: Path) -> None:
    """`rediss://`: its certificate is checked, and one of an unknown authority is refused."""
    needs("openssl")
    certificate(tmp_path)
    port = free_port()
    files = ("--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem")
    paths = [str(tmp_path / one) if one.endswith(".pem") else one for one in files]
    options = ["--tls-port", str(port), *paths, "--tls-ca-cert-file", str(tmp_path / "cert.pem")]

    async def main() -> None:
        metrics = SSEMetrics(CollectorRegistry())
        url = f"rediss://127.0.0.1:{port}"
        store = RedisStore.from_url(f"{url}?ssl_ca_certs={tmp_path}/cert.pem", metrics=metrics)
        woken = asyncio.Event()
        await store.create(Stream("s", "epoch-of-s"), writer="w")
        async with store.watch("s", woken.set):
            woken.clear()
            await store.write("s", Write("w", -1, (b"x",)))
            await asyncio.wait_for(woken.wait(), 30)
            found = await store.read("s", -1)
        assert found is not None
        assert found.frames == (b"x",)
        await store.aclose()
        stranger = RedisStore.from_url(url, metrics=metrics)
        with pytest.raises(StoreDownError, match=r"rediss://127\.0\.0\.1:\d+: .*certificate"):
            await stranger.find("s")
        await stranger.aclose()

    with RedisServer(tmp_path / "redis", *options, "--tls-auth-clients", "no"):
        asyncio.run(main())
