"""The receiver of Alertmanager's messages."""

import asyncio
import json
from collections.abc import Iterable

from sse_observe.lab.programs.webhook import Notification, Webhook
from tests.support.asgi import http_scope

ALERT = {
    "status": "firing",
    "labels": {"alertname": "A"},
    "annotations": {"runbook_url": "http://h/A.md"},
}


def posted(webhook: Webhook, chunks: Iterable[bytes]) -> int:
    """Post a message in these pieces; return the status that was answered."""
    pieces = list(chunks)
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        body = pieces.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(pieces)}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    asyncio.run(webhook(http_scope(method="POST"), receive, send))  # type: ignore[arg-type]
    return int(str(sent[0]["status"]))


def test_each_alert_of_a_message_is_a_notification() -> None:
    """Messages may come in pieces, and an alert may have no runbook."""
    webhook = Webhook()
    plain = {"status": "resolved", "labels": {"alertname": "B"}, "annotations": {}}
    text = json.dumps({"alerts": [ALERT, plain]}).encode()

    assert posted(webhook, [text[:20], text[20:]]) == 204
    assert webhook.received == [
        Notification("firing", {"alertname": "A"}, "http://h/A.md"),
        Notification("resolved", {"alertname": "B"}, ""),
    ]
