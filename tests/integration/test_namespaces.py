"""Counts that several containers share: exact, whoever reads them and whatever dies."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from sse_observe.registry.multiprocess import SharedNumbers
from tests.apps import counting_processes
from tests.support.paths import ROOT
from tests.support.programs import isolated
from tests.support.value_files import names, read
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has namespaces"),
]
RESTARTS = 300
# A reader in a container that may not write: it mounts the directory so, then reads.
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3"'
READ_AND_SERVE = """
import asyncio, logging, sys
logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stdout)
from sse_observe import SSEObserveMiddleware, metrics_app
from tests.support.asgi import END, body, drive, http_scope, start

async def app(scope, receive, send):
    for message in (start(), body(b"data: x\\n\\n"), END):
        await send(message)

drive(SSEObserveMiddleware(app), http_scope("/x"))
[_, answer] = drive(metrics_app(), http_scope("/metrics"))
print(answer["body"].decode())
"""


def environment(directory):
    """Return the environment of a process that shares the directory."""
    return {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(directory), "PYTHONPATH": str(ROOT)}


@contextmanager
def processes(directory, how, number):
    """Run processes that count, under process ids that mean nothing here."""
    process = subprocess.Popen(
        [
            *isolated("--pid", "--fork", "--mount-proc", "--kill-child"),
            *(sys.executable, "-m", counting_processes.__name__, how, str(number)),
        ],
        env=environment(directory),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


def test_a_reader_elsewhere_buries_nobody_alive(tmp_path):
    """Its PID namespace knows none of the workers: all count on, the application's metrics too."""
    with processes(tmp_path, "each", 12) as workers:
        assert workers.stdout.readline() == "ready\n"
        for turn in range(1, 4):
            workers.stdin.write("\n")
            workers.stdin.flush()
            pids = {int(workers.stdout.readline()) for _ in range(12)}
            found = read(tmp_path)

            assert found["orders_total"] == found["sse_sent_bytes_total"] == 12 * turn
            assert found["sse_concurrent_streams"] == 12
        assert len(pids) == 12
        assert max(pids) < 100, "ids of their own namespace"

        workers.stdin.close()
        wait_until(lambda: "sse_concurrent_streams" not in read(tmp_path), "the killed are gone")
    found = read(tmp_path)
    assert found["orders_total"] == found["sse_sent_bytes_total"] == 36


def test_hundreds_of_restarts_leave_few_files_and_exact_totals(tmp_path):
    """Ids are used again, a third are killed; two readers elsewhere see each count once."""
    seen, sizes, errors = [], [], []
    over = threading.Event()

    def scrape():
        mine = []
        reader = SharedNumbers(tmp_path, lambda: errors.append(sys.exception()))
        while not over.is_set():
            mine += [
                sample.value
                for family in reader.families()
                for sample in family.samples
                if sample.name == "orders_total"
            ]
            sizes.append(len(names(tmp_path, "*")))
        seen.append(mine)

    readers = [threading.Thread(target=scrape) for _ in range(2)]
    with processes(tmp_path, "follow", RESTARTS) as restarting:
        assert restarting.stdout.readline() == "1\n"
        for reader in readers:
            reader.start()
        printed = restarting.stdout.read().split()
        over.set()
        for reader in readers:
            reader.join()

    found = read(tmp_path)
    assert printed[-1] == str(RESTARTS)
    assert found["orders_total"] == found["sse_sent_bytes_total"] == RESTARTS
    assert (tmp_path / "counter_ended.db").exists()
    assert errors == []
    for mine in seen:
        assert mine == sorted(mine), "a total never falls"
        assert max(mine) <= RESTARTS
    # Of each of 17 and of those put together: counters, histograms, two gauges and a lock.
    assert max(sizes) < 18 * 6


def test_a_directory_that_is_mounted_read_only_is_read_and_never_changed(tmp_path):
    """A sidecar scrapes it so; what it serves itself is not counted, and it says so."""
    command = isolated("--mount")
    with processes(tmp_path, "each", 3) as workers:
        workers.stdout.readline()
        workers.stdin.write("\n")
        workers.stdin.flush()
        for _ in range(3):
            workers.stdout.readline()
        before = names(tmp_path, "*")
        done = subprocess.run(
            [*command, "sh", "-c", READ_ONLY, "sh", tmp_path, sys.executable, READ_AND_SERVE],
            env=environment(tmp_path),
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

        assert (done.returncode, done.stderr) == (0, "")
        assert "\norders_total 3.0\n" in done.stdout
        assert '\nsse_concurrent_streams{route="/x"} 3.0\n' in done.stdout
        assert "sse_streams_opened_total" not in done.stdout
        assert "so its streams are not counted; let the server's user write" in done.stdout
        assert names(tmp_path, "*") == before
