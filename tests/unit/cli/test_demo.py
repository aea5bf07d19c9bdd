"""`sse-observe demo`: what reaches the demo, and what is printed; the demo itself is elsewhere."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from sse_observe.cli.app import app
from sse_observe.lab.demo import demo
from sse_observe.lab.demo.snapshot import Snapshot


class FakeDemo:
    """Shows one snapshot and ends; it remembers how it was called."""

    called: tuple[Any, ...] = ()

    def __init__(self, users: int, port: int, duration: float | None, on_snapshot: Any) -> None:
        FakeDemo.called = (users, port, duration)
        self._on_snapshot = on_snapshot

    async def run(self) -> dict[str, Any]:
        """End at once."""
        self._on_snapshot(Snapshot(1, "Healthy.", None))
        return {"seconds": 1}


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no server."""
    monkeypatch.setattr(demo, "Demo", FakeDemo)


def test_the_options_reach_the_demo() -> None:
    """Each in its place."""
    CliRunner().invoke(app, ["demo", "--users", "7", "--port", "8080", "--duration", "9"])

    assert FakeDemo.called == (7, 8080, 9)


def test_without_options_it_runs_until_it_is_stopped() -> None:
    """On a free port, with as many users as one machine easily bears."""
    shown = CliRunner().invoke(app, ["demo"])

    assert FakeDemo.called == (25, 0, None)
    assert "Healthy." in shown.stdout


def test_as_json_the_document_is_all_that_stands_on_the_standard_output() -> None:
    """A script can read it from the first byte."""
    shown = CliRunner().invoke(app, ["demo", "--json"])

    assert json.loads(shown.stdout) == {"seconds": 1}
