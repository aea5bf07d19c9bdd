"""A terminal of a given width: what a command shows to somebody who looks, and not to a pipe."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from typing import NamedTuple

from tests.support.command import SSE_OBSERVE

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\].*?\x1b\\")  # the second kind are links
_COLOURS = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d|10\d)[;m]")


class Shown(NamedTuple):
    """How a command ended, and all that was written to its terminal."""

    code: int
    raw: str

    @property
    def lines(self) -> list[str]:
        """Each line without its escapes, those that were drawn over too."""
        return [_ESCAPES.sub("", line).rstrip() for line in re.split(r"[\r\n]+", self.raw)]

    @property
    def is_coloured(self) -> bool:
        """Tell whether anything has a colour of its own."""
        return bool(_COLOURS.search(self.raw))


def in_a_terminal(*words: str, columns: int = 80, seconds: float = 60, **env: str) -> Shown:
    """Run one command to its end, in a terminal so many columns wide."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    with subprocess.Popen(
        [*SSE_OBSERVE, *words],
        stdin=its,
        stdout=its,
        stderr=its,
        env={**kept, "TERM": "xterm-256color", **env},
    ) as process:
        os.close(its)
        limit = threading.Timer(seconds, process.kill)
        limit.start()
        written = bytearray()
        try:
            while piece := os.read(ours, 65536):
                written += piece
        except OSError:
            pass  # Linux says so that nobody holds the other end any more
        finally:
            limit.cancel()
            os.close(ours)
    return Shown(process.wait(), written.decode(errors="replace"))
