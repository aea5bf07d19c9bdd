"""The prober as a process: real servers, a reload by signal, its bounds at 200 targets."""

import asyncio
import gc
import os
import signal
import ssl
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from sse_observe.lab.programs.process import free_port
from sse_observe.probe.prober import Prober
from tests.apps.stream_apps import application
from tests.support.hops import caddy, certificate
from tests.support.probing import FEED, Page, opened, probed, written
from tests.support.programs import needs
from tests.support.raw_answers import HEAD, LAST, answering, chunk
from tests.support.servers import serve
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

TARGETS = 200
INTERVAL = 15.0


class Process:
    """A running prober."""

    def __init__(self, path: Path, log: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = log
        listen = self.url.removeprefix("http://")
        words = [sys.executable, "-m", "sse_observe", "probe", "--config", str(path)]
        with log.open("wb") as output:
            self.process = subprocess.Popen([*words, "--listen", listen], stderr=output)
        wait_until(self.answers, "the prober answers")

    def answers(self) -> bool:
        """Tell whether it is up."""
        try:
            return requests.get(f"{self.url}/-/healthy", timeout=5).ok
        except requests.ConnectionError:
            return False

    def page(self, path: str, **how: object) -> Page:
        """Open one of its pages."""
        found = requests.get(f"{self.url}{path}", timeout=30, **how)  # type: ignore[arg-type]
        return Page(found.status_code, found.text)

    def cpu_seconds(self) -> float:
        """Return the processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """Return its memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def running(path: Path) -> Iterator[Process]:
    """Run a prober while the block runs."""
    found = Process(path, path.with_name("log"))
    try:
        yield found
    finally:
        found.process.send_signal(signal.SIGTERM)
        found.process.wait(20)
        assert "Traceback" not in found.log.read_text()


@pytest.fixture(scope="module")
def streams() -> Iterator[str]:
    """Serve healthy streams of every kind."""
    with serve(application()) as url:
        yield url


def test_its_own_schedule_and_a_reload_by_signal(tmp_path: Path, streams: str) -> None:
    """A new file is obeyed at once; a wrong one changes nothing."""
    targets = [{"name": "a", "url": f"{streams}/plain", "module": "feed", "interval": 5}]
    path = written(tmp_path, targets=targets)
    with running(path) as prober:
        wait_until(lambda: prober.page("/metrics").value("sse_probe_success", target="a") == 1)
        path.write_text("modules: 3")
        prober.process.send_signal(signal.SIGHUP)
        wait_until(lambda: prober.page("/metrics").value("sse_probe_config_success") == 0)
        still = prober.page("/metrics").value("sse_probe_success", target="a")
        written(tmp_path, targets=[{**targets[0], "name": "b"}])
        prober.process.send_signal(signal.SIGHUP)
        wait_until(lambda: prober.page("/metrics").value("sse_probe_success", target="b") == 1)
        gone = prober.page("/metrics").value("sse_probe_success", target="a")

    assert (still, gone) == (1, None)


def test_what_a_proxy_holds_back_is_measured(tmp_path: Path, streams: str) -> None:
    """A proxy that collects: up, answering 200, and useless; the probe fails and says why."""
    needs("caddy")
    hop = caddy("buffer_responses")(tmp_path / "caddy", int(streams.rpartition(":")[2]))
    modules = {
        "late": {"must": {"first_byte_seconds": 1}},
        "held": {"must": {"held_back_seconds": 0.5}},
    }
    url = f"http://127.0.0.1:{hop.port}/plain"
    try:
        targets = [{"name": name, "url": url, "module": name} for name in modules]
        path = written(tmp_path, modules=modules, targets=targets)
        late, held = probed(path, "late"), probed(path, "held")
    finally:
        hop.program.stop()

    assert late.reasons() == ["late_byte"]
    assert held.reasons() == ["held_back"]
    held_back = held.value("sse_probe_held_back_seconds")
    assert held_back is not None
    assert held_back > 1


def test_answers_are_judged_and_not_the_gateway_alone(tmp_path: Path) -> None:
    """A gateway that is up while its answers fail inside a 200."""
    error = chunk(b'data: {"error": {"message": "overloaded"}}\n\ndata: [DONE]\n\n')
    chat = {"method": "POST", "body": "{}", "protocol": "openai-chat"}
    with answering(HEAD, error, LAST) as server:
        path = written(
            tmp_path,
            modules={"chat": {**chat, "budget": {"requests_per_day": 9}}},
            targets=[{"name": "a", "url": server.url, "module": "chat"}],
            state_file=str(tmp_path / "state"),
        )
        found = probed(path, "a")

    assert found.reasons() == ["error_event"]
    assert len(server.requests) == 1


def test_a_certificate_tells_when_it_expires(tmp_path: Path) -> None:
    """And one that nobody signed fails the probe."""
    needs("openssl")
    certificate(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with answering(HEAD, chunk(b"data: a\n\n"), LAST, tls=tls) as server:
        modules = {"feed": {**FEED, "ca": str(tmp_path / "cert.pem")}, "strict": FEED}
        targets = [{"name": name, "url": server.url, "module": name} for name in modules]
        path = written(tmp_path, modules=modules, targets=targets)
        known, unknown = probed(path, "feed"), probed(path, "strict")

    expires = known.value("sse_probe_certificate_expiry_timestamp_seconds")
    assert known.value("sse_probe_success") == 1
    assert expires is not None
    assert expires > time.time()
    assert unknown.reasons() == ["tls"]


def many(home: Path, streams: str, count: int) -> Path:
    """Write a file with many targets of the usual kind."""
    targets = [
        {"name": f"t{n}", "url": f"{streams}/plain?n={n}", "module": "feed", "interval": INTERVAL}
        for n in range(count)
    ]
    return written(home, modules={"feed": {"seconds": 3}}, targets=targets)


@pytest.mark.long
def test_two_hundred_targets_take_half_a_core(tmp_path: Path, streams: str) -> None:
    """Every 15 s, each watched for 3 s; nobody is skipped."""
    with running(many(tmp_path, streams, TARGETS)) as prober:
        time.sleep(INTERVAL)
        before, began = prober.cpu_seconds(), time.monotonic()
        time.sleep(2 * INTERVAL)
        used = (prober.cpu_seconds() - before) / (time.monotonic() - began)
        own = prober.page("/metrics")

    assert used <= 0.5
    runs = {"success": 0.0, "failure": 0.0, "skipped": 0.0}
    for sample in own.samples:
        if sample.name == "sse_probe_runs_total":
            runs[sample.labels["result"]] += sample.value
    assert runs["success"] >= 2 * TARGETS
    assert (runs["failure"], runs["skipped"]) == (0, 0)


def grown(path: Path, probes: int, forget: Callable[[], None]) -> int:
    """
    Return by how many bytes a prober grows over so many probes, after as many at most to warm up.

    The lesser of two rounds: what grows goes on growing, and what is loaded late does not.
    """

    async def run() -> int:
        prober = Prober(path)
        slots = asyncio.Semaphore(20)

        async def one(number: int) -> None:
            async with slots:
                page = await opened(prober, f"/probe?target=t{number % 50}")
                assert page.status == 200

        async def some(count: int) -> int:
            await asyncio.gather(*(one(number) for number in range(count)))
            forget()
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        await some(min(probes, 300))
        # What replaces something older counts as growth, but once.
        tracemalloc.start()
        try:
            sizes = [0, await some(probes), await some(probes)]
            return min(after - before for before, after in pairwise(sizes))
        finally:
            tracemalloc.stop()

    return asyncio.run(run())


QUICK = (HEAD, *[chunk(b"id: %d\ndata: x\n\n" % n) for n in range(20)], LAST)


@pytest.mark.parametrize(
    ("probes", "most"),
    [
        pytest.param(300, 200_000, id="some"),
        pytest.param(
            24_000, 200_000, id="hour", marks=[pytest.mark.prove, pytest.mark.timeout(3600)]
        ),
    ],
)
def test_memory_does_not_grow_with_probes(tmp_path: Path, probes: int, most: int) -> None:
    """Only numbers of the last outcome are kept; two rounds of 24,000 are 200 targets' hour."""
    with answering(*QUICK) as server:
        targets = [
            {"name": f"t{n}", "url": f"{server.url}?n={n}", "module": "feed"} for n in range(50)
        ]
        path = written(tmp_path, targets=targets)
        growth = grown(path, probes, server.requests.clear)

    assert growth < most
