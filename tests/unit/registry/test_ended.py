"""Files of processes that have ended: cleared away, and never counted twice or lost."""

import os
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from sse_observe.registry import disk_room, ended
from sse_observe.registry.ended import tidy, to_read
from sse_observe.registry.liveness import lock_of
from tests.support.value_files import end, full, leave, living, names, read

MANY = range(1, 31)


def test_files_of_many_dead_processes_become_one(tmp_path):
    """A server that renews its workers for months is as quick to scrape as on the first day."""
    for pid in MANY:
        leave(tmp_path, "counter", pid, a_total=1, **{f"only_{pid}_total": 1})
        leave(tmp_path, "histogram", pid, h_bucket=2)
        leave(tmp_path, "gauge_livesum", pid, now=1)
    end(tmp_path, *MANY)
    leave(tmp_path, "counter", 1000, a_total=5)
    leave(tmp_path, "gauge_livesum", 1000, now=1)

    with living(tmp_path, 1000):
        first, second = read(tmp_path), read(tmp_path)

        assert first == second
        assert first["a_total"] == 35
        assert first["only_7_total"] == 1
        assert first["now"] == 1
        assert names(tmp_path, "*.db", "sse-observe.*.lock") == [
            "counter_1000.db",
            "counter_ended.db",
            "gauge_livesum_1000.db",
            "histogram_ended.db",
            "sse-observe.1000.lock",
        ]
        for pid in MANY:
            leave(tmp_path, "counter", pid, a_total=1)
        end(tmp_path, *MANY)
        assert read(tmp_path)["a_total"] == 65


def test_files_of_a_few_stay_as_they_are(tmp_path):
    """Moving them for every worker that ends would cost each scrape."""
    for pid in (7, 8):
        leave(tmp_path, "counter", pid, a_total=1)
        leave(tmp_path, "gauge_liveall", pid, now=1)
    end(tmp_path, 7, 8)

    assert read(tmp_path) == {"a_total": 2}
    assert names(tmp_path, "*.db") == ["counter_7.db", "counter_8.db"]
    assert lock_of(tmp_path, 7).exists(), "without it nobody could tell that it has ended"


def test_who_cannot_be_asked_is_read_and_never_touched(tmp_path):
    """Another user of prometheus_client has no lock; he may live in another container."""
    for pid in MANY:
        leave(tmp_path, "counter", pid, a_total=1)
        leave(tmp_path, "gauge_livesum", pid, now=1)

    assert read(tmp_path) == {"a_total": 30, "now": 30}
    assert len(names(tmp_path, "*.db")) == 60


@pytest.mark.parametrize(
    ("mode", "expected"), [("sum", 60), ("min", 0), ("max", 11), ("mostrecent", 5)]
)
def test_gauges_that_outlive_their_process_are_put_together(tmp_path, mode, expected):
    """An application's own gauges have modes; each keeps what it means."""
    key = mmap_key("g", "g", [], [], "x")
    for pid in range(1, 13):
        file = MmapedDict(str(tmp_path / f"gauge_{mode}_{pid}.db"))
        # The fifth is the latest.
        file.write_value(key, pid if mode == "sum" and pid < 9 else pid - 1, 100 - abs(pid - 6))
        file.close()
    end(tmp_path, *range(1, 13))
    expected = expected if mode != "sum" else sum(range(1, 9)) + 8 + 9 + 10 + 11

    assert read(tmp_path) == {"g": expected}
    assert names(tmp_path, "*.db") == [f"gauge_{mode}_ended.db"]
    assert read(tmp_path) == {"g": expected}


def test_gauges_of_each_process_stay_apart(tmp_path):
    """Their process is part of their name, and somebody has chosen that."""
    for pid in MANY:
        leave(tmp_path, "gauge_all", pid, now=pid)
        leave(tmp_path, "counter", pid, a_total=1)
    end(tmp_path, *MANY)

    assert read(tmp_path)["a_total"] == 30
    assert len(names(tmp_path, "gauge_all_*.db")) == 30


def test_a_file_that_cannot_be_read_holds_nothing_up(tmp_path):
    """It stays where it is; all others are put together."""
    for pid in MANY:
        leave(tmp_path, "counter", pid, a_total=1)
    (tmp_path / "counter_7.db").write_bytes(b"\x40\0\0\0\0\0\0\0\x05\0\0\0{bad")
    end(tmp_path, *MANY)

    assert read(tmp_path) == {"a_total": 29}
    assert names(tmp_path, "*.db") == ["counter_7.db", "counter_ended.db"]
    assert lock_of(tmp_path, 7).exists()


def test_worker_that_was_killed_creating_its_file_leaves_none(tmp_path):
    """An empty file is thrown away once its owner is known to be dead."""
    (tmp_path / "counter_7.db").touch()
    (tmp_path / "counter_8.db").touch()
    end(tmp_path, 7)

    assert read(tmp_path) == {}
    assert names(tmp_path, "*") == ["counter_8.db", "sse-observe.lock"]


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
        (Path, "write_bytes"),
        (Path, "replace"),
        (Path, "unlink"),
    ):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    return taken


def fill(directory):
    """Leave twelve dead processes, and what was put together before."""
    directory.mkdir()
    for pid in range(1, 13):
        leave(directory, "counter", pid, a_total=1)
        leave(directory, "histogram", pid, h_sum=1)
        leave(directory, "gauge_livesum", pid, now=1)
    end(directory, *range(1, 13))
    leave(directory, "counter", "ended", a_total=100)


def read_only(directory, monkeypatch):
    """Read as somebody who may not write there."""
    with monkeypatch.context() as patched:
        patched.setattr("os.access", lambda path, mode: False)
        return read(directory)


def test_whoever_dies_moving_files_loses_nothing(tmp_path, steps, monkeypatch):
    """After a kill at any step every reader reads each count once, and the next one finishes."""
    survived = 0
    while True:
        directory = tmp_path / str(survived)
        fill(directory)
        steps.number, steps.fatal = 0, survived
        try:
            tidy(directory, frozenset(range(1, 13)))
        except Killed:
            survived += 1
        else:
            break
        finally:
            steps.fatal = sys.maxsize

        assert read_only(directory, monkeypatch) == {"a_total": 112, "h_sum": 12}
        found = read(directory)
        assert found == {"a_total": 112, "h_sum": 12}
        assert read(directory) == found
        assert names(directory, "*") == [
            "counter_ended.db",
            "histogram_ended.db",
            "sse-observe.lock",
        ]

    assert survived > 48, "each of the old files is a step, and each lock"


def test_a_plan_that_is_none_is_thrown_away(tmp_path, caplog):
    """A disk that was full must not take the scrape away for good."""
    leave(tmp_path, "counter", 7, a_total=1)
    (tmp_path / ended._PLAN).write_bytes(b"")

    assert read(tmp_path) == {"a_total": 1}
    assert not (tmp_path / ended._PLAN).exists()
    assert "is thrown away" in caplog.text


def test_a_plan_is_understood_by_who_may_not_carry_it_out(tmp_path):
    """The new stands in a draft, the old is not read."""
    leave(tmp_path, "counter", 7, a_total=1)
    leave(tmp_path, "counter", "ended", a_total=1).rename(tmp_path / "counter_ended.draft")
    plan = {"new": ["counter_ended.db"], "old": ["counter_7.db"]}
    (tmp_path / ended._PLAN).write_bytes(msgspec.json.encode(plan))

    [(path, name)] = to_read(tmp_path, frozenset())

    assert (path.name, name.kind, name.owner) == ("counter_ended.draft", "counter", "ended")


@pytest.mark.parametrize(
    "name",
    [
        *("../mine.txt", "{outside}/mine.txt", "sub/../../mine.txt", "mine.txt", "x\0", "n" * 300),
        # Names that are right but for their length: of the file, and of its draft.
        *(f"counter_{'7' * digits}.db" for digits in (300, 243)),
    ],
    ids=lambda name: name[:20],
)
def test_a_plan_moves_and_removes_files_of_numbers_alone(tmp_path, name, caplog):
    """Whoever may write into the directory must not delete with the scraper's rights."""
    directory = tmp_path / "shared"
    directory.mkdir()
    kept = [tmp_path / "mine.txt", directory / "mine.txt"]
    for path in kept:
        path.write_text("precious")
    leave(directory, "counter", 7, a_total=1)
    name = name.format(outside=tmp_path)
    plan = {"new": [name], "old": [name, "counter_7.db"]}
    (directory / "sse-observe.plan").write_bytes(msgspec.json.encode(plan))

    assert read(directory) == {"a_total": 1}
    assert [path.read_text() for path in kept] == ["precious", "precious"]
    assert "is no plan of ours" in caplog.text
    assert not (directory / "sse-observe.plan").exists()


def test_a_plan_that_is_no_file_is_none(tmp_path):
    """A folder of that name must not end every scrape."""
    (tmp_path / "sse-observe.plan").mkdir()
    leave(tmp_path, "counter", 7, a_total=1)

    assert read(tmp_path) == {"a_total": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes of this kind")
def test_what_is_no_plain_file_is_not_waited_for(tmp_path):
    """A pipe that nobody writes into would hold a scrape for ever."""
    leave(tmp_path, "counter", 7, a_total=1)
    for name in ("counter_8.db", "counter_ended.draft", "sse-observe.9.lock", "sse-observe.lock"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "sse-observe.plan").write_bytes(b'{"new":["counter_ended.db"]}')

    assert read(tmp_path) == {"a_total": 1}


def test_a_file_of_many_gigabytes_is_not_read(tmp_path, caplog):
    """It costs nothing to make one with a hole; reading it costs the memory of the service."""
    leave(tmp_path, "counter", 7, a_total=1)
    for pid in MANY[10:]:
        leave(tmp_path, "counter", pid, a_total=1)
    with (tmp_path / "counter_8.db").open("wb") as file:
        file.write((2**31 - 1).to_bytes(4, sys.byteorder))
        file.truncate(2**31)
    end(tmp_path, 8, *MANY[10:])
    tracemalloc.start()

    assert read(tmp_path) == {"a_total": 21}
    assert tracemalloc.get_traced_memory()[1] < 2**27
    tracemalloc.stop()
    assert "counter_8.db cannot be read" in caplog.text


def test_a_full_disk_leaves_the_files_of_the_dead_as_they_are(tmp_path, monkeypatch):
    """Their counts are read all the same, and no half of a new file takes room."""
    for pid in MANY:
        leave(tmp_path, "counter", pid, a_total=1)
    end(tmp_path, *MANY)
    disk_room.take_room_first()
    monkeypatch.setattr(disk_room, "_allocate", full)

    assert read(tmp_path) == {"a_total": 30}
    assert len(names(tmp_path, "*.db")) == 30
    assert names(tmp_path, "*.draft") == []
