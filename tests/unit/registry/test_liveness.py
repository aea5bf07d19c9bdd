"""Locks show which process lives: from any PID namespace, whatever its id is used for."""

import os
import subprocess
import sys
import threading
import time

import pytest

from sse_observe.registry import liveness
from sse_observe.registry.liveness import hold, lock_of, locked, the_dead
from tests.support.value_files import end, living


@pytest.fixture(autouse=True)
def lets_go():
    """Let go of the locks that a test has made this process hold."""
    yield
    for descriptor in liveness._held.values():
        os.close(descriptor)
    liveness._held.clear()


def dead(directory):
    """Return who is dead now."""
    with the_dead(directory) as found:
        return set(found)


def test_only_who_left_a_lock_is_known_to_be_dead(tmp_path):
    """The living hold theirs; who never had one cannot be asked."""
    end(tmp_path, 7, 8)
    (tmp_path / "counter_9.db").touch()

    with living(tmp_path, 8, 10):
        assert dead(tmp_path) == {7}
    assert dead(tmp_path) == {7, 8, 10}


def test_this_process_is_seen_to_live(tmp_path):
    """It asks about itself as about any other; holding twice changes nothing."""
    hold(tmp_path)
    hold(tmp_path)

    assert lock_of(tmp_path, os.getpid()).exists()
    assert dead(tmp_path) == set()


def test_a_lock_cannot_be_asked_about_where_it_may_not_be_read(tmp_path, monkeypatch):
    """An error is no proof of a death."""
    end(tmp_path, 7)

    def refuse(*args):
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)

    assert dead(tmp_path) == set()


def test_nobody_takes_the_place_of_a_dead_process_while_it_is_cleared(tmp_path):
    """A process id is used again: its new owner waits until the old one's files are gone."""
    end(tmp_path, os.getpid())
    with the_dead(tmp_path) as found:
        assert found == {os.getpid()}
        taken = liveness._lock(lock_of(tmp_path, os.getpid()), liveness.fcntl.LOCK_EX)
        assert taken is None
        # What was locked is deleted: a lock on it would be seen by nobody.
        lock_of(tmp_path, os.getpid()).unlink()
    hold(tmp_path)

    assert lock_of(tmp_path, os.getpid()).exists()
    assert dead(tmp_path) == set()


def test_two_processes_of_one_id_are_said_once(tmp_path, monkeypatch, caplog):
    """Two containers that share a directory write into one another's files."""
    monkeypatch.setattr(liveness, "_PATIENCE_SECONDS", 0.05)
    with living(tmp_path, os.getpid()):
        hold(tmp_path)

    [record] = caplog.records
    assert "give each container a directory of its own" in record.getMessage()
    assert liveness._held == {}


def test_whoever_tidies_slowly_is_waited_for(tmp_path, monkeypatch, caplog):
    """Without its lock a process that begins would be taken for dead, and its counts be lost."""
    monkeypatch.setattr(liveness, "_PATIENCE_SECONDS", 0.05)
    end(tmp_path, os.getpid())
    with the_dead(tmp_path):
        beginning = threading.Thread(target=hold, args=(tmp_path,))
        beginning.start()
        time.sleep(0.2)
        assert beginning.is_alive()
    beginning.join()

    assert dead(tmp_path) == set()
    assert caplog.records == []


CHILDREN = """
import os, pathlib, sys, time
from sse_observe.registry.liveness import hold, the_dead
directory = pathlib.Path(sys.argv[1])
hold(directory)
if os.fork():
    os.write(1, b"%d\\n" % os.getpid())
    os._exit(0)
os.write(1, b"%d\\n" % os.getpid())
sys.stdin.read()
"""


def test_a_child_holds_a_lock_of_its_own_and_not_its_parents(tmp_path):
    """A parent that ended is dead, whatever its children inherited."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILDREN, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    pids = {int(child.stdout.readline()), int(child.stdout.readline())}
    child.wait(30)
    deadline = time.monotonic() + 30
    while dead(tmp_path) != {child.pid}:
        assert time.monotonic() < deadline, dead(tmp_path)
        time.sleep(0.01)

    child.stdin.close()
    while dead(tmp_path) != pids:
        assert time.monotonic() < deadline, dead(tmp_path)
        time.sleep(0.01)
    child.stdout.close()


def may_move(directory):
    """Whether somebody who comes now may move files."""
    try:
        with locked(directory, exclusive=True):
            return True
    except BlockingIOError:
        return False


def test_readers_share_and_whoever_moves_files_is_alone(tmp_path):
    """A mover does not wait: the next scrape tries again."""
    with locked(tmp_path, exclusive=False), locked(tmp_path, exclusive=False):
        assert not may_move(tmp_path)
    with locked(tmp_path, exclusive=True):
        assert not may_move(tmp_path)
    assert may_move(tmp_path)


def test_who_may_only_read_needs_no_lock_where_nobody_moves_files(tmp_path, monkeypatch):
    """A directory without a lock was never written to by us."""
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with locked(tmp_path, exclusive=False):
        pass

    assert list(tmp_path.iterdir()) == []
