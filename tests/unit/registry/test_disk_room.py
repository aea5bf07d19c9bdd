"""Files of numbers have their room before they are written to: a full disk ends no process."""

import errno
import os
from contextlib import closing

import pytest
from prometheus_client.mmap_dict import MmapedDict

from sse_observe.registry import disk_room
from sse_observe.registry.disk_room import take_room_first
from tests.support.value_files import full

pytestmark = pytest.mark.skipif(
    not hasattr(os, "posix_fallocate"), reason="this system gives no room in advance"
)


@pytest.fixture(autouse=True)
def patched():
    """Take room first, as every process with a shared directory does."""
    take_room_first()


def has_no_hole(path):
    """Tell whether each byte of a file has its place on the disk."""
    found = path.stat()
    return found.st_size > 0 and found.st_blocks * 512 >= found.st_size


def test_a_file_never_has_a_hole(tmp_path):
    """Neither at first, nor after it has grown."""
    path = tmp_path / "counter_7.db"
    with closing(MmapedDict(str(path))) as file:
        assert has_no_hole(path)

        for n in range(1000):
            file.write_value(f"{n}" * 50, n, 0.0)
            assert n % 100 or has_no_hole(path)
        assert path.stat().st_size > 2**16
        assert file.read_value("7" * 50) == (7, 0)


def test_a_file_that_was_open_before_is_filled_up(tmp_path):
    """An application's own metrics are made when it is loaded, before anything of ours."""
    path = tmp_path / "counter_7.db"
    with closing(MmapedDict.__new__(MmapedDict)) as file:
        disk_room._plain_open(file, str(path))
        assert not has_no_hole(path)

        file.write_value("a", 1, 0.0)

        assert has_no_hole(path)


def test_a_full_disk_is_an_error_that_changes_nothing(tmp_path, monkeypatch):
    """The series that are there go on to be counted."""
    long = "b" * 2**17
    with closing(MmapedDict(str(tmp_path / "counter_7.db"))) as file:
        file.write_value("a", 1, 0.0)
        with monkeypatch.context() as patch:
            patch.setattr(disk_room, "_allocate", full)
            with pytest.raises(OSError, match="No space"):
                MmapedDict(str(tmp_path / "counter_8.db"))
            with pytest.raises(OSError, match="No space"):
                file.write_value(long, 1, 0.0)
            file.write_value("a", 2, 0.0)

        assert [entry[:2] for entry in file.read_all_values()] == [("a", 2)]
        file.write_value(long, 3, 0.0)
        assert file.read_value(long) == (3, 0)


def test_what_only_reads_takes_no_room(tmp_path, monkeypatch):
    """A reader of a full disk reads."""
    path = tmp_path / "counter_7.db"
    with closing(MmapedDict(str(path))) as file:
        file.write_value("a", 1, 0.0)
    monkeypatch.setattr(disk_room, "_allocate", full)

    with closing(MmapedDict(str(path), read_mode=True)) as file:
        assert [entry[:2] for entry in file.read_all_values()] == [("a", 1)]


def test_where_no_room_is_given_in_advance_numbers_are_kept_all_the_same(tmp_path, monkeypatch):
    """Some network file systems know no such call."""

    def unknown(file, offset, length):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unknown)

    with closing(MmapedDict(str(tmp_path / "counter_7.db"))) as file:
        file.write_value("a", 1, 0.0)
        assert file.read_value("a") == (1, 0)
