"""Several workers are told from one, by what runs beside this process."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from sse_observe.registry import siblings

PARENT = """
import multiprocessing, os, sys, time
from sse_observe.registry import siblings

def work(pipe):
    deadline = time.monotonic() + 30
    # The other one may be slow to start.
    while len(siblings._siblings()) < int(sys.argv[1]) - 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    pipe.send((siblings.is_one_of_many(), siblings.is_the_first()))
    pipe.recv()

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[2])
    pipes = []
    for _ in range(int(sys.argv[1])):
        ours, theirs = context.Pipe()
        context.Process(target=work, args=(theirs,), daemon=True).start()
        pipes.append(ours)
    print(siblings.is_one_of_many(), *(pipe.recv() for pipe in pipes))
    for pipe in pipes: pipe.send(None)
"""
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows its processes")


@LINUX
@pytest.mark.slow
@pytest.mark.parametrize("how", ["spawn", "fork"])
@pytest.mark.parametrize(
    ("workers", "expected"),
    [(1, "False (False, True)"), (2, "False (True, True) (True, False)")],
)
def test_workers_of_one_parent_see_one_another(tmp_path, how, workers, expected):
    """Two of them do, one speaks for both; the one of a development server is alone."""
    program = tmp_path / "server.py"
    program.write_text(PARENT)
    done = subprocess.run(
        [sys.executable, program, str(workers), how],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout.strip() == expected


@pytest.mark.parametrize(("chosen", "many"), [("4", True), ("1", False), ("", False)])
def test_where_processes_are_not_shown_the_environment_tells(monkeypatch, tmp_path, chosen, many):
    """Many platforms let a service say how many workers it runs."""
    monkeypatch.setattr(siblings, "_PROC", tmp_path)
    monkeypatch.setattr("multiprocessing.parent_process", SimpleNamespace)
    monkeypatch.setenv("WEB_CONCURRENCY", chosen)

    assert siblings.is_one_of_many() is many
    monkeypatch.delenv("WEB_CONCURRENCY")
    assert not siblings.is_one_of_many()


def test_a_process_that_ends_while_it_is_looked_at_is_none(monkeypatch, tmp_path):
    """Whatever cannot be read is no sibling."""
    task = tmp_path / str(os.getppid()) / "task"
    for thread, children in (("1", f"7 8 {os.getpid()} "), ("2", "9"), ("3", "")):
        (task / thread).mkdir(parents=True)
        (task / thread / "children").write_text(children)
    (task / "4" / "children").mkdir(parents=True)
    for pid, command in (("self", "python 1"), ("7", "python 22"), ("9", "other")):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_text(command)
    monkeypatch.setattr(siblings, "_PROC", tmp_path)

    assert siblings._siblings() == [7]
