"""The stack of a drill's own: rules that fit its time, and a webhook that is read once."""

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from sse_observe.errors import LabError
from sse_observe.lab.drill.local_stack import LocalStack
from sse_observe.lab.programs.alertmanager import Alertmanager
from sse_observe.lab.programs.prometheus import Prometheus
from tests.support.asgi import Exchange, http_scope


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStack:
    """Return a stack that has started, but for its two programs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("prometheus", "alertmanager"):
        (programs / name).write_text("")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    for program in (Prometheus, Alertmanager):
        monkeypatch.setattr(program, "start", lambda self: self)
        monkeypatch.setattr(program, "stop", lambda self: None)
    made = LocalStack(60)
    with ExitStack() as started:
        made.start(started, tmp_path)
        made.watch(started, {"drill": ["h:1"]})
    return made


def asked(stack: LocalStack, path: str, body: bytes = b"") -> Exchange:
    """Return the exchange of one request for what is no stream."""
    exchange = Exchange(stack.serve, http_scope(path, headers={"host": "127.0.0.1"}))

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    exchange.receive = receive  # type: ignore[method-assign]
    asyncio.run(exchange.run())
    return exchange


def test_the_long_pairs_of_windows_are_left_out(stack: LocalStack) -> None:
    """They would fire, and resolve, minutes after the repair."""
    windows = stack.alerts["SSEErrorBudgetBurn"].windows

    assert [(window.long, window.short) for window in windows] == [("1h", "5m"), ("6h", "30m")]


def test_runbooks_are_served_where_their_links_lead(stack: LocalStack) -> None:
    """An alert that is notified has a page that opens."""
    exchange = asked(stack, "/runbooks/SSEMessageLoss.md")

    assert exchange.sent[0]["status"] == 200
    assert b"First five minutes" in exchange.body


def test_each_notification_is_seen_once(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that was read is not read again; a later one is."""
    monkeypatch.setattr(Prometheus, "alerts", lambda _: [])
    monkeypatch.setattr(Prometheus, "query", lambda *_: [])

    def seen(name: str) -> list[str]:
        alert = {"status": "firing", "labels": {"alertname": name}, "annotations": {}}
        asked(stack, "/hook", json.dumps({"alerts": [alert]}).encode())
        return [one.labels["alertname"] for one in stack.observe("up").notifications]

    assert seen("A") == ["A"]
    assert seen("B") == ["B"]
    assert stack.observe("up").notifications == []


def test_a_program_that_is_missing_is_named_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, with the package that brings it."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LabError, match=r"prometheus: not found .* apt-get install prometheus"):
        LocalStack(60).check()
