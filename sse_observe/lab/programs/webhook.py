"""The receiver of Alertmanager's messages: an ASGI application that keeps them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sse_observe.asgi import Receive, Scope, Send, answer

_MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Notification:
    """One alert of one message; `status` is `firing` or `resolved`, `receiver` who was notified."""

    status: str
    labels: Mapping[str, str]
    runbook_url: str
    receiver: str = ""


class Webhook:
    """An ASGI application that keeps what Alertmanager posts to it, oldest first."""

    def __init__(self) -> None:
        self.received: list[Notification] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Take one message."""
        body, more = b"", True
        while more and len(body) < _MOST_BYTES:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.received += [
            Notification(
                alert["status"], alert["labels"], alert["annotations"].get("runbook_url", "")
            )
            for alert in json.loads(body)["alerts"]
        ]
        await answer(send, 204)
