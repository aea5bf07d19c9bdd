"""
Whether this process is one of several workers, as far as it shows; Linux shows it exactly.

Reads what a process supervisor leaves in its children; knows no metric.
"""

import multiprocessing
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_NUMBER = re.compile(rb"\d+")


def is_one_of_many() -> bool:
    """Tell whether somebody runs this process and others like it, to share one port."""
    if not _is_started_by_a_supervisor():
        return False
    if not (_PROC / "self").exists():
        return os.environ.get("WEB_CONCURRENCY", "1") not in ("", "0", "1")
    return bool(_siblings())


def is_the_first() -> bool:
    """Tell whether this is the one of them that speaks for all."""
    return os.getpid() < min(_siblings(), default=sys.maxsize)


def _is_started_by_a_supervisor() -> bool:
    """Tell whether a server's own parent process started this one: uvicorn, hypercorn, gunicorn."""
    return multiprocessing.parent_process() is not None or "gunicorn.arbiter" in sys.modules


def _siblings() -> list[int]:
    """Return the other children of our parent that run what we run; numbers may differ."""
    found = []
    for children in (_PROC / str(os.getppid()) / "task").glob("*/children"):
        with suppress(OSError):
            pids = [int(pid) for pid in children.read_text().split()]
            found += [pid for pid in pids if pid != os.getpid() and _command(pid) == _command()]
    return found


def _command(pid: int | str = "self") -> bytes:
    try:
        return _NUMBER.sub(b"", (_PROC / str(pid) / "cmdline").read_bytes())
    except OSError:
        return b""
