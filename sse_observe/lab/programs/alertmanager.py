"""A real Alertmanager on loopback, and the webhook that it tells of every alert."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sse_observe.lab.programs.api import answers
from sse_observe.lab.programs.process import Program, find, free_port

# A real one holds groups back for minutes, to spare people; a drill has nobody to spare.
_GROUP_WAIT = "0s"
_GROUP_INTERVAL = "1s"
_MOST_BYTES = 1_000_000


def program() -> str:
    """Return the path of Alertmanager: its own name for it, or Debian's."""
    package = "prometheus-alertmanager"
    return shutil.which("alertmanager") or find(package, package)


@dataclass(frozen=True)
class Notification:
    """One alert of one message: `status` is `firing` or `resolved`, `receiver` who was told."""

    status: str
    labels: Mapping[str, str]
    runbook_url: str
    receiver: str = ""


class Webhook:
    """An ASGI application that keeps what Alertmanager posts to it, oldest first."""

    def __init__(self) -> None:
        self.received: list[Notification] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002
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
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class Alertmanager(Program):
    """An Alertmanager in a directory of ours; each alert of each route is a group of its own."""

    def __init__(self, directory: Path, *, webhook: str, group_by: Sequence[str]) -> None:
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        directory.mkdir(parents=True, exist_ok=True)
        config = {
            "route": {
                "receiver": "drill",
                "group_by": list(group_by),
                "group_wait": _GROUP_WAIT,
                "group_interval": _GROUP_INTERVAL,
            },
            "receivers": [
                {
                    "name": "drill",
                    "webhook_configs": [{"url": webhook, "send_resolved": True}],
                }
            ],
        }
        # YAML is a superset of JSON: no YAML library is needed to write it.
        (directory / "alertmanager.yml").write_text(json.dumps(config, indent=2))
        super().__init__(
            [
                program(),
                f"--config.file={directory / 'alertmanager.yml'}",
                f"--storage.path={directory / 'data'}",
                f"--web.listen-address={self.address}",
                # Alone: no gossip, no port for it.
                "--cluster.listen-address=",
            ],
            log=directory / "alertmanager.log",
            ready=partial(answers, f"http://{self.address}/-/ready"),
        )
