"""How a process learns that it is to stop, and how others wait for its streams."""

import fcntl
import multiprocessing
import os
import signal
import threading

import pytest

from sse_observe.draining.stop import Stop
from sse_observe.middleware.server_state import exiting


@pytest.fixture(autouse=True)
def handler():
    """Leave the handler of SIGTERM as it was."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_server_with_a_handler_still_hears_its_signal():
    """Both granian and gunicorn handle SIGTERM on their loop, and show it nowhere else."""
    heard = []
    signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    stop = Stop(None)
    stop.listen()
    stop.listen()
    assert not stop.is_asked()
    # For whoever else asks by that name.
    assert exiting() is False

    os.kill(os.getpid(), signal.SIGTERM)

    assert heard == [signal.SIGTERM]
    assert stop.is_asked()
    assert exiting() is True


def test_a_process_that_signals_end_is_left_as_it_is():
    """Without a handler SIGTERM ends it, and must go on doing so."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    Stop(None).listen()

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_server_that_shows_its_state_keeps_its_handler():
    """Its own flag is read instead."""

    class Server:
        should_exit = False

        def handle_exit(self, *_):
            pass

    server = Server()
    signal.signal(signal.SIGTERM, server.handle_exit)
    stop = Stop(None)
    stop.listen()

    assert signal.getsignal(signal.SIGTERM) == server.handle_exit
    assert not stop.is_asked()
    server.should_exit = True
    assert stop.is_asked()


def test_a_thread_hears_no_signals():
    """Only a main thread may; a server in another has its own ways."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=Stop(None).listen)
    thread.start()
    thread.join()

    assert signal.getsignal(signal.SIGTERM) is before


def test_a_worker_of_hypercorn_is_told_by_an_event(monkeypatch):
    """Its parent sets it, and no signal comes."""
    event = multiprocessing.get_context("spawn").Event()
    monkeypatch.setattr(
        multiprocessing.current_process(), "_kwargs", {"shutdown_event": event}, raising=False
    )
    stop = Stop(None)
    assert not stop.is_asked()

    event.set()

    assert stop.is_asked()


@pytest.mark.parametrize("given", [None, {}, {"shutdown_event": 7}, (1, 2)])
def test_other_processes_have_other_arguments(monkeypatch, given):
    """Names may change; then it is not asked."""
    monkeypatch.setattr(multiprocessing.current_process(), "_kwargs", given, raising=False)

    assert not Stop(None).is_asked()


def test_only_a_file_of_this_life_counts(tmp_path):
    """A container that is started again finds the file of its last life."""
    file = tmp_path / "stop"
    file.touch()
    os.utime(file, (1, 1))
    stop = Stop(file)
    assert not stop.is_asked()

    os.utime(file, (2**31, 2**31))

    assert stop.is_asked()
    assert not Stop(tmp_path / "absent").is_asked()


def test_others_can_wait_for_the_streams(tmp_path):
    """The lock is free when nothing is held any more."""
    file = tmp_path / "stop"
    file.touch()
    first, second = Stop(file), Stop(file)
    first.hold()
    first.hold()
    second.hold()

    with file.open() as ours:
        for one in (first, second):
            with pytest.raises(BlockingIOError):
                fcntl.flock(ours, fcntl.LOCK_EX | fcntl.LOCK_NB)
            one.let_go()
            one.let_go()
        fcntl.flock(ours, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_without_a_file_nothing_is_held(tmp_path):
    """Nor where it went away."""
    for stop in (Stop(None), Stop(tmp_path / "absent")):
        stop.hold()
        stop.let_go()
