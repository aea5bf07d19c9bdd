"""
How a process learns that it is to stop: by its server, by SIGTERM, by a file that somebody touched.

Reads and remembers; what follows from it is decided by `app`. A server's own handling of a signal
is never replaced.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

from sse_observe.middleware.server_state import exiting

try:
    import fcntl
except ImportError:  # Windows: no locks there
    fcntl = None  # type: ignore[assignment]


# The clock of files goes in ticks of the kernel, up to 10 ms behind.
_TICK_SECONDS = 0.01


class Stop:
    """
    Whether this process was asked to stop.

    A `file` counts that was touched since this object was made: an older one is of an earlier life
    of the container. While streams are held, so is a shared lock on the file, and whoever wants to
    wait for them asks for the exclusive one.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._made_at = time.time() - _TICK_SECONDS
        self._listens = False
        self._held: int | None = None
        # The name under which `exiting()` finds it, as it does uvicorn's.
        self.should_exit = False

    def listen(self) -> None:
        """Hear SIGTERM too, where a server has a handler for it and shows no state of its own."""
        if self._listens:
            return
        self._listens = True
        theirs = signal.getsignal(signal.SIGTERM)
        is_main = threading.current_thread() is threading.main_thread()
        if not is_main or exiting() is not None or not callable(theirs):
            return
        self._theirs = theirs
        signal.signal(signal.SIGTERM, self._heard)
        if sys.platform != "win32":
            # As it was: setting a handler interrupts system calls.
            signal.siginterrupt(signal.SIGTERM, False)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.should_exit = True
        self._theirs(number, frame)

    def is_asked(self) -> bool:
        """Tell whether somebody has asked by now."""
        return self.should_exit or exiting() is True or _hypercorn_exits() or self._is_touched()

    def _is_touched(self) -> bool:
        try:
            return self._file is not None and self._file.stat().st_mtime >= self._made_at
        except OSError:
            return False

    def hold(self) -> None:
        """Hold the file's lock, so that others can wait until `let_go`; twice is once."""
        if fcntl is None or self._file is None or self._held is not None:
            return
        with suppress(OSError):
            self._held = os.open(self._file, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._held, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def let_go(self) -> None:
        """Let the lock go: nothing is left to wait for."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


def _hypercorn_exits() -> bool:
    """Tell whether hypercorn, which starts each worker with an event of its own, has set it."""
    given = getattr(multiprocessing.current_process(), "_kwargs", None) or {}
    event = given.get("shutdown_event") if isinstance(given, dict) else None
    is_set = getattr(event, "is_set", None)
    return bool(is_set()) if callable(is_set) else False
