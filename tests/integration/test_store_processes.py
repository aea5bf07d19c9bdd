"""Real processes over one Redis: killed, paused, asked to end, begun with a wrong URL."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sse_observe.lab.programs.process import free_port
from tests.support.paths import ROOT
from tests.support.redis_server import RedisServer
from tests.support.servers import RawClient, ServerProcess, serve_process
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.long]

APP = "tests.apps.stream_host:app"
ASKED = {"SSE-Resumable": "1"}


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def hosts(redis_server: RedisServer) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    env = {"SSE_OBSERVE_STORE": redis_server.url}
    with serve_process(APP, env=env) as one, serve_process(APP, env=env) as other:
        yield one, other


def begun(host: ServerProcess, total: int = 10_000, pause: float = 0.02) -> RawClient:
    url = f"{host.url}/streams?total={total}&pause={pause}"
    return RawClient(url, method="POST", headers=ASKED).until(lambda c: len(c.ids) > 5)


def resumed(host: ServerProcess, first: RawClient) -> RawClient:
    cursor = {"Last-Event-ID": first.ids[-1]}
    return RawClient(f"{host.url}/streams/{first.hello['stream']}", headers=cursor)


def seqs(*clients: RawClient) -> list[int]:
    return [int(i.partition("-")[0]) for client in clients for i in client.ids]


def metric(host: ServerProcess, name: str, label: str = "") -> float:
    lines = requests.get(f"{host.url}/metrics", timeout=10).text.splitlines()
    found = [line for line in lines if line.startswith(name) and label in line]
    return sum(float(line.rpartition(" ")[2]) for line in found)


Pair = tuple[ServerProcess, ServerProcess]


def test_a_client_comes_back_to_the_other_host(hosts: Pair) -> None:
    """The answer goes on where it stopped, it is produced once, and then it is over."""
    one, other = hosts
    with begun(one, total=60) as first:
        pass
    with resumed(other, first) as second:
        second.until_end()
        assert second.events[-1].type == "done"
        assert second.hello["lost"] == 0
    assert seqs(first, second) == list(range(61))
    with resumed(one, second) as third:
        assert third.status == 204


def test_a_killed_host_is_no_silent_hang(hosts: Pair) -> None:
    """Its lease expires, and who reads elsewhere is told that the answer will not come."""
    one, other = hosts
    first = begun(one)
    second = resumed(other, first).until(lambda c: len(c.ids) > 5)
    one.kill()
    killed_at = time.monotonic()
    second.until_end()
    assert time.monotonic() - killed_at < 6
    assert second.events[-1].type == "error"
    assert "producer_lost" in second.events[-1].data
    first.close()
    second.close()
    # The client has the last byte a moment before the application has returned.
    wait_until(lambda: metric(other, "sse_streams_closed_total", 'reason="error_event"') == 1)
    assert metric(other, "sse_producers_lost_total") == 1
    with RawClient(f"{other.url}/streams/{first.hello['stream']}", headers=ASKED) as late:
        late.until_end()
        assert "producer_lost" in late.events[-1].data


def test_a_paused_host_is_fenced_when_it_goes_on(hosts: Pair) -> None:
    """Its writes after its lease are refused, and it stops: nobody reads two answers in one."""
    one, other = hosts
    first = begun(one)
    second = resumed(other, first).until(lambda c: len(c.ids) > 5)
    one.process.send_signal(signal.SIGSTOP)
    second.until_end()
    assert "producer_lost" in second.events[-1].data
    one.process.send_signal(signal.SIGCONT)
    wait_until(lambda: metric(one, "sse_streams_fenced_total") >= 1)
    with resumed(other, second) as late:
        assert late.status == 410
    first.close()
    second.close()


def test_a_host_that_is_asked_to_end_ends_its_streams(hosts: Pair) -> None:
    """SIGTERM: after the drain time readers elsewhere learn of the end at once."""
    one, other = hosts
    first = begun(one)
    second = resumed(other, first).until(lambda c: len(c.ids) > 5)
    one.terminate()
    asked_at = time.monotonic()
    second.until_end()
    assert time.monotonic() - asked_at < 5
    assert "producer_failed" in second.events[-1].data
    one.wait()
    first.close()
    second.close()


def test_a_stream_is_stopped_on_whatever_host_it_runs(hosts: Pair) -> None:
    """DELETE at one host ends the answer at the other, as its user's wish."""
    one, other = hosts
    first = begun(one)
    assert requests.delete(f"{other.url}/streams/{first.hello['stream']}", timeout=10).ok
    first.until_end()
    assert first.events[-1].type == "done"
    wait_until(lambda: metric(one, "sse_streams_closed_total", 'reason="cancelled"') == 1)
    first.close()


def reference(url: str, *, code: str = "") -> subprocess.CompletedProcess[str]:
    """Start the reference endpoint as its documentation says, with a store that cannot work."""
    target = ["-m", "uvicorn", "--factory", "sse_observe.reference:reference_app"]
    command = [sys.executable, *target, "--port", str(free_port())]
    return subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{code}:{ROOT}", "SSE_OBSERVE_STORE": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("http://127.0.0.1:6379", "http://127.0.0.1:6379: names no Redis; write redis://"),
        ("redis://", "redis://: names no host"),
        ("redis://127.0.0.1:port", "redis://127.0.0.1:port: "),
        ("127.0.0.1:6379", "names no Redis"),
        ("redis+sentinel://127.0.0.1:26379", "names no service of the Sentinels"),
    ],
)
def test_a_url_that_names_no_redis_is_one_line(url: str, line: str) -> None:
    """The mistake, the URL without its password, and how one is written."""
    ended = reference(url)
    assert ended.returncode != 0
    assert line in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wrong_password_is_one_line_without_the_password(tmp_path: Path) -> None:
    """The server refuses to start, says whom to correct, and keeps the secret."""
    with RedisServer(tmp_path, "--requirepass", "right") as server:
        for url in (f"redis://:wrong@127.0.0.1:{server.port}", server.url):
            ended = reference(url)
            assert ended.returncode != 0
            assert "refused our user or password; correct them in the URL" in ended.stderr
            assert "wrong@" not in ended.stderr
            assert "Traceback" not in ended.stderr


def test_a_missing_extra_is_one_line(tmp_path: Path) -> None:
    """Without redis-py the environment variable says what to install."""
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "__init__.py").write_text("raise ImportError('absent')")
    ended = reference("redis://127.0.0.1", code=str(tmp_path))
    assert ended.returncode != 0
    assert "pip install 'sse-observe[redis]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_redis_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    """The host starts, answers from its own memory, and shares streams once Redis is there."""
    server = RedisServer(tmp_path)
    with serve_process(APP, env={"SSE_OBSERVE_STORE": server.url}, log=tmp_path / "log") as host:
        with begun(host, total=30) as alone:
            alone.until_end()
            assert seqs(alone) == list(range(31))
        with resumed(host, alone) as again:
            assert again.status in (204, 200)
        with server:
            deadline = time.monotonic() + 20
            while not server.client.keys("*"):
                assert time.monotonic() < deadline
                with begun(host, total=10):
                    pass
    assert "kept by this process alone" in (tmp_path / "log").read_text()


def test_a_server_that_is_too_old_is_one_line() -> None:
    """An old version is named, and the one that is needed."""
    from sse_observe.errors import SettingsError
    from sse_observe.reference.redis.calls import check_version

    check_version("redis://x", "6.2.0")
    check_version("redis://x", "8.0.3")
    with pytest.raises(SettingsError, match=r"redis://x: Redis 6.0.16 is too old; 6.2 or newer"):
        check_version("redis://x", "6.0.16")
