"""A real Alertmanager on loopback that posts every alert to one webhook."""

import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sse_observe.lab.programs.api import answers
from sse_observe.lab.programs.process import Program, find, free_port

# A real one holds groups back for minutes, to spare people; here nobody has to be spared.
_GROUP_WAIT = "0s"
_GROUP_INTERVAL = "1s"


def program() -> str:
    """Return the path of Alertmanager: under its own name, or under Debian's."""
    package = "prometheus-alertmanager"
    return shutil.which("alertmanager") or find(package, package)


class Alertmanager(Program):
    """An Alertmanager with its files in `directory`; `group_by` names the labels of a group."""

    def __init__(self, directory: Path, *, webhook: str, group_by: Sequence[str]) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        directory.mkdir(parents=True, exist_ok=True)
        receiver = {
            "name": "drill",
            "webhook_configs": [{"url": webhook, "send_resolved": True}],
        }
        config = {
            "route": {
                "receiver": receiver["name"],
                "group_by": list(group_by),
                "group_wait": _GROUP_WAIT,
                "group_interval": _GROUP_INTERVAL,
            },
            "receivers": [receiver],
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
