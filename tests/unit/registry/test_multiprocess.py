import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from sse_observe.registry import multiprocess

"""The files of several processes: read, moved together, never lost."""


@pytest.mark.slow
def test_the_oldest_worker_gives_the_start_time(tmp_path: Path) -> None:
    """A replaced worker must not make an old loss look like one of the first minutes."""
    code = (
        "from sse_observe.registry import SSEMetrics; from prometheus_client import *;"
        "from prometheus_client.multiprocess import MultiProcessCollector as C;"
        "SSEMetrics(CollectorRegistry()); r = CollectorRegistry(); C(r);"
        "print(r.get_sample_value('sse_start_time_seconds'))"
    )
    starts = [
        float(
            subprocess.run(
                [sys.executable, "-c", code],
                check=True,
                capture_output=True,
                text=True,
                env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
            ).stdout
        )
        for _ in range(2)
    ]

    assert starts[0] == starts[1]


def leave(directory, kind, pid, **values):
    """Write what a process of that id would leave."""
    file = MmapedDict(str(directory / f"{kind}_{pid}.db"))
    for name, value in values.items():
        file.write_value(mmap_key(name, name, [], [], "x"), value, 0.0)
    file.close()


def read(directory):
    """Return the samples of a directory, all processes added up."""
    return {
        sample.name: sample.value
        for family in multiprocess.merged(directory)
        for sample in family.samples
    }


@pytest.fixture
def no_one_lives(monkeypatch):
    """Process ids from 1 to 999 belong to nobody, this process apart."""
    monkeypatch.setattr(multiprocess, "_is_alive", lambda pid: pid >= 1000)


def test_files_of_many_dead_processes_become_one(tmp_path, no_one_lives):
    """A server that renews its workers for months is as quick to scrape as on the first day."""
    for pid in range(1, 31):
        leave(tmp_path, "counter", pid, a_total=1, **{f"only_{pid}_total": 1})
        leave(tmp_path, "histogram", pid, h_bucket=2)
        leave(tmp_path, "gauge_livesum", pid, now=1)
    leave(tmp_path, "counter", 1000, a_total=5)
    leave(tmp_path, "gauge_livesum", 1000, now=1)
    before = multiprocess._read(tmp_path)

    first, second = read(tmp_path), read(tmp_path)

    assert first == second
    assert first["a_total"] == 35
    assert first["only_7_total"] == 1
    assert first["now"] == 1
    assert len(before) == len(list(multiprocess._read(tmp_path)))
    assert {path.name for path in tmp_path.glob("*.db")} == {
        "counter_1000.db",
        "counter_ended.db",
        "gauge_livesum_1000.db",
        "histogram_ended.db",
    }

    for pid in range(1, 31):
        leave(tmp_path, "counter", pid, a_total=1)
    assert read(tmp_path)["a_total"] == 65


class Killed(BaseException):
    """SIGKILL, as far as a test can play it."""


@pytest.fixture
def steps(monkeypatch):
    """Return the steps that change files; the one numbered `fatal` is not done, nor any later."""
    taken = SimpleNamespace(number=0, fatal=sys.maxsize)

    def counted(original):
        def step(*args, **kwargs):
            taken.number += 1
            if taken.number > taken.fatal:
                raise Killed
            return original(*args, **kwargs)

        return step

    for owner, name in (
        (MmapedDict, "write_value"),
        (Path, "write_text"),
        (Path, "replace"),
        (Path, "unlink"),
    ):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    return taken


def test_whoever_dies_moving_files_loses_nothing(tmp_path, no_one_lives, steps):
    """After a kill at any step the next scrape reads every count once."""
    survived = 0
    while True:
        directory = tmp_path / str(survived)
        directory.mkdir()
        for pid in range(1, 13):
            leave(directory, "counter", pid, a_total=1)
            leave(directory, "histogram", pid, h_sum=1)
        leave(directory, "counter", "ended", a_total=100)
        steps.number, steps.fatal = 0, survived
        try:
            multiprocess.merged(directory)
        except Killed:
            survived += 1
        else:
            break
        finally:
            steps.fatal = sys.maxsize

        found = read(directory)
        assert (found["a_total"], found["h_sum"]) == (112, 12)
        assert read(directory) == found

    assert survived > 24, "each of the old files is a step"


def test_worker_that_was_killed_creating_its_file_breaks_no_scrape(tmp_path, no_one_lives):
    """An empty file cannot be read; it is thrown away once its owner is known to be dead."""
    leave(tmp_path, "counter", 1000, a_total=5)
    (tmp_path / "counter_7.db").touch()

    assert read(tmp_path) == {"a_total": 5}


def test_directory_that_may_only_be_read_is_read(tmp_path, no_one_lives, monkeypatch):
    """Another container may scrape a directory that is not its own to tidy."""
    leave(tmp_path, "gauge_livesum", 7, now=1)
    monkeypatch.setattr("os.access", lambda path, mode: False)

    assert read(tmp_path) == {"now": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["gauge_livesum_7.db"]


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
    assert {path.name for path in tmp_path.iterdir()} == {
        "counter_7.db",
        "counter_8.db",
        "gauge_livesum_8.db",
    }
