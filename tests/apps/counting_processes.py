"""
Processes that share a directory, run in a PID namespace of their own.

`each N`: N processes live at once; each line of input lets all count once more, its end lets
them be killed. `follow N`: they live one after another, under few process ids used over and over.
"""

import os
import signal
import sys
from pathlib import Path

from prometheus_client import Counter

from sse_observe.registry import default_metrics

LAST_PID = Path("/proc/sys/kernel/ns_last_pid")
"""The last process id that was given; whoever writes here chooses the next."""
# More than are left as they are, so that some are put together and then used again.
PIDS = 17

own = Counter("orders", "The application's own metric")


def count():
    """Count what an application counts, and what we do."""
    metrics = default_metrics()
    metrics.serve()
    own.inc()
    metrics.counter("sse_sent_bytes_total", "/x").inc()
    metrics.histogram("sse_event_gap_seconds", "/x").observe(1)


def each(number):
    """Hold processes that count when they are told to."""
    pipes = []
    for _ in range(number):
        here, there = os.pipe()
        if not os.fork():
            os.close(there)
            for inherited in pipes:
                os.close(inherited)
            default_metrics().serve()
            default_metrics().gauge("sse_concurrent_streams", "/x").set(1)
            while os.read(here, 1):
                count()
                # In one piece, beside the others.
                os.write(1, b"%d\n" % os.getpid())
            os.kill(os.getpid(), signal.SIGKILL)
        os.close(here)
        pipes.append(there)
    print("ready", flush=True)
    for _ in sys.stdin:
        for pipe in pipes:
            os.write(pipe, b"x")
    for pipe in pipes:
        os.close(pipe)
    for _ in pipes:
        os.wait()


def follow(number):
    """Let processes follow one another; each third is killed."""
    for n in range(number):
        LAST_PID.write_text(str(5000 + n % PIDS))
        child = os.fork()
        if not child:
            count()
            if n % 3 == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            os._exit(0)
        assert child == 5001 + n % PIDS, child
        os.waitpid(child, 0)
        print(n + 1, flush=True)


if __name__ == "__main__":
    {"each": each, "follow": follow}[sys.argv[1]](int(sys.argv[2]))
