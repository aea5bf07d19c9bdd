"""`sse-observe check PATH --app module:app`: the newcomer's "did I do it right?"."""

from pathlib import Path

import pytest

from tests.support.command import sse_observe

pytestmark = pytest.mark.slow

SERVICE = """
import asyncio
from collections.abc import AsyncIterable

from fastapi import FastAPI
from fastapi.sse import EventSourceResponse, ServerSentEvent

from sse_observe import SSEObserveMiddleware, StreamRoute, metrics_app

print("imported")
app = FastAPI()
app.add_middleware(SSEObserveMiddleware, routes={"/chat/{chat_id}": StreamRoute()})
app.add_route("/metrics", metrics_app())


@app.get("/chat/{chat_id}", response_class=EventSourceResponse)
async def chat(chat_id: str) -> AsyncIterable[ServerSentEvent]:
    for number, word in enumerate("Event streams fail silently".split()):
        yield ServerSentEvent(data=word, id=str(number))
        await asyncio.sleep(0.1)
    yield ServerSentEvent(event="done", data="")


def make():
    return app
"""


def test_an_application_is_run_checked_and_ended(tmp_path: Path) -> None:
    """It starts on a free port, passes, and its metrics are read by their path."""
    (tmp_path / "service.py").write_text(SERVICE)
    words = ("check", "/chat/7", "--app", "service:app", "--metrics", "/metrics")
    done = sse_observe(*words, cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "S3  declared         pass" in done.stdout
    assert "D23 telemetry        pass" in done.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("/chat", "--app", "nowhere:app"), "Could not import module"),
        (("/chat", "--app", "service:other"), "not found in module"),
        (("/chat", "--app", "broken:app"), "ZeroDivisionError"),
        (("/chat", "--app", "service"), "write module:app"),
        (("http://x/", "--app", "service:app"), "give the path"),
    ],
)
def test_an_application_that_does_not_start_is_one_line(
    words: tuple[str, ...], line: str, tmp_path: Path
) -> None:
    """Exit code 2, and the application's own last word."""
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / "broken.py").write_text("app = 1 / 0\n")
    done = sse_observe("check", *words, cwd=tmp_path)

    assert done.returncode == 2
    assert line in done.stderr
    assert "Traceback" not in done.stderr


def test_a_factory_and_its_workers(tmp_path: Path) -> None:
    """Several workers without a shared folder fail, before they do in production."""
    (tmp_path / "service.py").write_text(SERVICE)
    words = ("check", "/chat/7", "--app", "service:make", "--factory", "--workers", "2")
    done = sse_observe(*words, cwd=tmp_path, PROMETHEUS_MULTIPROC_DIR="")

    assert done.returncode == 2
    assert "2 workers without PROMETHEUS_MULTIPROC_DIR" in " ".join(done.stdout.split())
