"""Legacy MCP sessions over the SDK: a cursor replays its own session (GHSA-84j6-jc92-77jm)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sse_observe.wire import Event, Scanner
from tests.support.servers import ServerProcess, serve_process

pytestmark = pytest.mark.slow

VERSION = "2025-11-25"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with serve_process("tests.apps.mcp_host:app") as server:
        yield server


class Session:
    """One client's session, by hand."""

    def __init__(self, server: ServerProcess) -> None:
        self.url = f"{server.url}/mcp/"
        self.headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": VERSION,
        }
        client = {"name": "test", "version": "1"}
        params = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": client}
        opened = self._post({"id": 0, "method": "initialize", "params": params})
        self.headers["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
        self._post({"method": "notifications/initialized"})

    def _post(self, message: dict[str, Any]) -> requests.Response:
        body = {"jsonrpc": "2.0", **message}
        answer = requests.post(self.url, json=body, headers=self.headers, timeout=30)
        assert answer.ok, answer.text
        return answer

    def count(self) -> list[Event]:
        """Call the tool and return the events of its answer."""
        params = {"name": "count", "arguments": {}, "_meta": {"progressToken": "t"}}
        answer = self._post({"id": 1, "method": "tools/call", "params": params})
        return Scanner().feed(answer.content)

    def replayed(self, cursor: str, events: int) -> list[str]:
        """Return the ids that come after a cursor, as many as are expected, and no more."""
        headers = {**self.headers, "Last-Event-ID": cursor}
        scanner, found = Scanner(), []
        try:
            with requests.get(self.url, headers=headers, stream=True, timeout=(30, 1)) as answer:
                for part in answer.iter_content(None):
                    found += [event.last_event_id for event in scanner.feed(part) if event.data]
        except requests.ConnectionError:
            # The stream stays open for what may come.
            pass
        assert len(found) == events
        return found


def test_a_client_that_was_cut_gets_the_rest_of_its_answer(server: ServerProcess) -> None:
    """From any event on, under the same ids."""
    session = Session(server)
    answer = [event for event in session.count() if event.data]
    assert "counted" in json.loads(answer[-1].data)["result"]["content"][0]["text"]
    ids = [event.last_event_id for event in answer]
    assert len(ids) == 4
    assert session.replayed(ids[1], 2) == ids[2:]


def test_a_cursor_of_another_session_replays_nothing(server: ServerProcess) -> None:
    """Both sessions have asked under the same id of a request."""
    victim, attacker = Session(server), Session(server)
    stolen = victim.count()[0].last_event_id
    attacker.count()
    attacker.replayed(stolen, 0)
    victim.replayed(stolen, 4)
