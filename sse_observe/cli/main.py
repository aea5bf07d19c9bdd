"""
Run the command line: turns errors into one line, and every end into an exit code.

Starts without any extra; only a command's own extra is looked for.
"""

import signal
import sys
from enum import IntEnum
from typing import NoReturn

from sse_observe.cli.extras import check_extra
from sse_observe.errors import SSEObserveError


class ExitCode(IntEnum):
    """How a command ends; `check` says 1 for a warning and 2 for a failure or a wrong call."""

    GOOD = 0
    BAD = 1
    """An error, one line for each mistake; a difference, a fault, an alert."""

    WRONG_CALL = 2
    INTERRUPTED = 130
    """By Ctrl-C or SIGTERM."""


def main() -> NoReturn:
    """Run the command line and exit with an `ExitCode`."""
    # A shell's background job inherits that Ctrl-C is ignored, and could not be ended at all.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A job's time limit comes as SIGTERM: like Ctrl-C, it ends what was started, in order.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        check_extra(sys.argv[1:])
        # Imported here because only now typer is known to be installed.
        from sse_observe.cli.app import app

        app()
    except SSEObserveError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"sse-observe: {line}\n")
        sys.exit(ExitCode.BAD)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    sys.exit(ExitCode.GOOD)
