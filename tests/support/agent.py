"""A Prometheus agent: it scrapes, writes to somebody else, and evaluates nothing."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from sse_observe.lab.programs.api import answers
from sse_observe.lab.programs.process import Program, free_port
from tests.support.programs import needs


def agent(
    directory: Path,
    *,
    targets: Mapping[str, Sequence[str]],
    to: str,
    interval: str,
    labels: Mapping[str, str] | None = None,
) -> Program:
    """Return an agent that scrapes `targets` and writes to the address `to`."""
    directory.mkdir(parents=True, exist_ok=True)
    config = {
        "global": {
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "external_labels": dict(labels or {}),
        },
        "remote_write": [
            {"url": to, "queue_config": {"batch_send_deadline": "200ms", "min_shards": 1}}
        ],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": list(hosts)}]}
            for job, hosts in targets.items()
        ],
    }
    file = directory / "agent.yml"
    file.write_text(json.dumps(config))
    port = free_port()
    return Program(
        [
            needs("prometheus"),
            "--enable-feature=agent",
            f"--config.file={file}",
            f"--storage.agent.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        log=directory / "agent.log",
        ready=partial(answers, f"http://127.0.0.1:{port}/-/ready"),
    )
