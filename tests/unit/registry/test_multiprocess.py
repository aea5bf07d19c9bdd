"""The directory that several processes share: found, and read by who may not write too."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sse_observe.errors import SettingsError
from sse_observe.registry import multiprocess
from sse_observe.registry.multiprocess import SharedNumbers, shared_directory
from tests.support.value_files import end, leave, living, names, read

SERVES = """
import sys
from prometheus_client import CollectorRegistry
from sse_observe.registry import SSEMetrics
SSEMetrics(CollectorRegistry()).serve()
print("serves", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_the_oldest_living_worker_gives_the_start_time(tmp_path: Path) -> None:
    """A replaced worker must not make an old loss look like one of the first minutes."""
    env = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    workers, starts = [], []
    for _ in range(2):
        worker = subprocess.Popen(
            [sys.executable, "-c", SERVES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        workers.append(worker)
        assert worker.stdout.readline() == "serves\n"
        starts.append(read(tmp_path)["sse_start_time_seconds"])

    assert starts[0] == starts[1]
    for worker in workers:
        worker.communicate()
        starts.append(read(tmp_path).get("sse_start_time_seconds"))
    assert starts[2] > starts[1], "the first is gone, the second is younger"
    assert starts[3] is None


def test_directory_that_may_only_be_read_shows_the_living_alone(tmp_path, monkeypatch):
    """Another container may scrape a directory that is not its own to tidy."""
    for pid in (7, 8):
        leave(tmp_path, "gauge_livesum", pid, now=1)
        leave(tmp_path, "counter", pid, a_total=1)
    end(tmp_path, 7)
    before = names(tmp_path, "*")
    monkeypatch.setattr("os.access", lambda path, mode: False)

    with living(tmp_path, 8):
        assert read(tmp_path) == {"now": 1, "a_total": 2}
        assert names(tmp_path, "*") == [*before, "sse-observe.8.lock"]


def test_what_cannot_be_tidied_is_read_all_the_same(tmp_path, monkeypatch):
    """A file that belongs to somebody else costs one counted error, not the scrape."""
    leave(tmp_path, "counter", 7, a_total=1)
    errors = []

    def refuse(directory, dead):
        raise PermissionError

    monkeypatch.setattr(multiprocess, "tidy", refuse)
    found = SharedNumbers(tmp_path, lambda: errors.append(1)).families()

    assert [sample.value for family in found for sample in family.samples] == [1]
    assert errors == [1]


def test_gunicorn_hook_forgets_one_worker(tmp_path, monkeypatch):
    """Its gauges go, its counts and its siblings stay; without the directory nothing happens."""
    for pid in (7, 8):
        leave(tmp_path, "gauge_livesum", pid, now=1)
        leave(tmp_path, "counter", pid, a_total=1)
    worker = SimpleNamespace(pid=7)

    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    multiprocess.child_exit(None, worker)
    assert len(list(tmp_path.iterdir())) == 4

    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    multiprocess.child_exit(None, worker)
    multiprocess.child_exit(None, worker)
    assert names(tmp_path, "*") == ["counter_7.db", "counter_8.db", "gauge_livesum_8.db"]


def test_a_directory_that_is_not_there_is_an_error_at_once(tmp_path, monkeypatch):
    """The line names variable, value and remedy; nothing is made up for."""
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    assert shared_directory() is None
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    assert shared_directory() is None

    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "missing"))
    with pytest.raises(SettingsError, match="missing' is no directory; make it, empty, before"):
        shared_directory()
    assert list(tmp_path.iterdir()) == []
