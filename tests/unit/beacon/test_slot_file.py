"""A table in a file: several processes agree on it, and it breaks for nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.beacon.slot_file import SlotFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table"


def test_a_value_is_there_for_all_who_open_the_file(path: Path) -> None:
    """And the table keeps the name that its first user gave it."""
    one, other = SlotFile(path, 4), SlotFile(path, 4)
    with one.locked():
        one.put("a", b"1234")
    with other.locked():
        assert other.get("a") == b"1234"
        assert other.get("b") is None

    assert one.name == other.name


def test_it_never_grows_and_keeps_what_is_used(path: Path) -> None:
    """Strangers bring any number of keys; one that is written again and again stays."""
    table = SlotFile(path, 8)
    size = path.stat().st_size
    with table.locked():
        for n in range(40_000):
            table.put(str(n), n.to_bytes(8, "little"))
            if n % 1000 == 0:
                table.put("steady", b"12345678")
        kept = sum(table.get(str(n)) is not None for n in range(40_000))
        assert table.get("steady") is not None

    assert path.stat().st_size == size
    assert 14_000 < kept <= 16_384


@given(st.binary(max_size=200), st.integers(0, 600_000))
def test_a_broken_file_is_made_anew(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, cut: int
) -> None:
    """Truncated, empty or somebody else's: nothing raises, and values can be kept again."""
    path = tmp_path_factory.mktemp("slots") / "table"
    path.write_bytes(junk)
    table = SlotFile(path, 4)
    os.truncate(path, cut)
    with table.locked():
        assert table.get("a") is None
        table.put("a", b"1234")
        assert table.get("a") == b"1234"


def test_processes_take_turns(path: Path) -> None:
    """Four of them add up to one number, and none of their additions is lost."""
    code = (
        "import sys; from pathlib import Path; from sse_observe.beacon.slot_file import SlotFile\n"
        "table = SlotFile(Path(sys.argv[1]), 4)\n"
        "for _ in range(250):\n"
        "    with table.locked():\n"
        "        n = int.from_bytes(table.get('n') or b'', 'little')\n"
        "        table.put('n', (n + 1).to_bytes(4, 'little'))\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(4)]
    assert [worker.wait() for worker in workers] == [0] * 4

    table = SlotFile(path, 4)
    with table.locked():
        assert table.get("n") == (1000).to_bytes(4, "little")


def test_a_full_disk_is_an_oserror_before_anything_is_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room is taken at once, not with the first report."""

    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(OSError, match="No space"):
        SlotFile(path, 4)
