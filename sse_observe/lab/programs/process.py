"""A child process: found, started, waited for and stopped by its own process id."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from sse_observe.errors import LabError

STOP_SECONDS = 5.0
"""How long a program may take after SIGTERM; Prometheus, nginx and Redis need 0.1 s."""

# Waits for the end of our pipe, whatever ends us; a line says that all is well.
_GUARD = f'read line || {{ kill "$1"; sleep {STOP_SECONDS:g}; kill -9 "$1"; }}'

# Begins once it is guarded; ends where we ended before.
_GUARDED = 'read line && exec "$@" </dev/null'

# Where Debian keeps nginx, and where only root's PATH looks.
_SERVERS = "/usr/sbin"


def free_port() -> int:
    """
    Return a TCP port on loopback that nobody listens on, and that nobody else gets for a minute.

    We close a connection to it first, so it stays in TIME_WAIT: the kernel picks it for nobody,
    and a server may listen on it all the same, since servers set SO_REUSEADDR.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with socket.create_connection(address), listener.accept()[0]:
            return int(address[1])


def find(program: str, package: str) -> str:
    """Return the path of a program; LabError names the Debian package where it is missing."""
    path = shutil.which(program) or shutil.which(program, path=_SERVERS)
    if path is None:
        raise LabError(f"{program}: not found on PATH; install it: apt-get install {package}")
    return path


class Program:
    """
    One child process with its output in the file `log`.

    A context manager: it is started and waited for on entry, and stopped on exit, and also where
    our own process is killed. `ready` tells whether it answers; it inherits `pass_fds`.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        ready: Callable[[], bool],
        ready_seconds: float = 20.0,
        stop_seconds: float | None = None,
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.command = list(command)
        self.log = log
        self._ready = ready
        self._ready_seconds = ready_seconds
        self._stop_seconds = stop_seconds
        self._env = env
        self._pass_fds = pass_fds
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """File name of the program, for messages."""
        return Path(self.command[0]).name

    def start(self) -> Self:
        """Start it and wait until it answers; LabError with its last line where it does not."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _GUARDED, "guarded", *self.command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                pass_fds=self._pass_fds,
                # A Ctrl-C in the terminal is ours to pass on, in our order.
                start_new_session=True,
            )
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if (begin := self._process.stdin) is not None:
            with suppress(BrokenPipeError), begin:
                begin.write(b"\n")
        deadline = time.monotonic() + self._ready_seconds
        while not self._ready():
            if self._process.poll() is not None:
                self.stop()
                raise LabError(f"{self.name} ended at once: {self.last_line()}")
            if time.monotonic() > deadline:
                self.stop()
                raise LabError(f"{self.name} did not answer in {self._ready_seconds:g} s")
            time.sleep(0.02)
        return self

    def last_line(self) -> str:
        """Return the last line that the program printed."""
        lines = self.log.read_text(errors="replace").splitlines()
        return next((line for line in reversed(lines) if line.strip()), "it printed nothing")

    def signal(self, number: int) -> None:
        """Send a signal to the process, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def stop(self) -> None:
        """Ask it to end, kill it after a while, and wait until it is gone."""
        if self._process is None:
            return
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(self._stop_seconds or STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        if self._guard is not None:
            self._guard.communicate(b"\n")
            self._guard = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
