"""One event of a gigabyte: who reads it takes no more memory than for a small one, and says why."""

import json
import os
import subprocess
import tracemalloc
from pathlib import Path

import pytest

from tests.support.command import SSE_OBSERVE
from tests.support.probing import probed, written
from tests.support.raw_answers import HEAD, LAST, Piece, answering, chunk

pytestmark = pytest.mark.slow

PIECE = 1 << 16
SMALL = (chunk(b"id: 1\ndata: a\n\n"), LAST)
# The same piece again and again: only who keeps it pays for it.
WHOLE = [chunk(b"x" * PIECE)] * ((1 << 30) // PIECE)
LINES = [chunk(b"data: " + b"x" * (PIECE - 7) + b"\n")] * ((1 << 30) // PIECE)
MORE_BYTES = 48 << 20


def peak(url: str) -> tuple[int, int, list[str]]:
    """Check a stream in a process; return its most memory in bytes, its code, its failures."""
    with subprocess.Popen(
        [*SSE_OBSERVE, "check", url, "--json", "--seconds", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        found = json.load(process.stdout)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    failed = [one["evidence"] for one in found["checks"] if one["result"] == "fail"]
    return used.ru_maxrss * 1024, process.returncode, failed


@pytest.mark.parametrize("pieces", [[chunk(b"data: "), *WHOLE], LINES], ids=["line", "lines"])
def test_check_reads_a_megabyte_of_it(pieces: list[Piece]) -> None:
    """The line names it, and memory is that of a healthy stream."""
    with answering(HEAD, *SMALL) as healthy, answering(HEAD, *pieces, LAST) as server:
        usual, _, _ = peak(healthy.url)
        most, code, failed = peak(server.url)

    assert code == 2
    assert any("larger than" in line and "\n" not in line for line in failed)
    assert most < usual + MORE_BYTES


@pytest.mark.parametrize("pieces", [[chunk(b"data: "), *WHOLE], LINES], ids=["line", "lines"])
def test_a_prober_reads_a_megabyte_of_it(
    pieces: list[Piece], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The probe fails with its reason, and keeps nothing."""
    with answering(HEAD, *pieces, LAST) as server:
        path = written(tmp_path, targets=[{"name": "a", "url": server.url, "module": "feed"}])
        tracemalloc.start()
        try:
            found = probed(path, "a")
            kept, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert found.value("sse_probe_success") == 0
    assert found.reasons() == ["no_stream"]
    assert "larger than" in caplog.text
    assert most < MORE_BYTES
    assert kept < most
