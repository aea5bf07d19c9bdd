"""Clients of npm that many use, against the reference endpoint over a connection that breaks."""

import json
import subprocess

import pytest

from sse_observe import SSEMetrics
from tests.apps.site import counting, site
from tests.support.npm import needs_package
from tests.support.paths import ROOT
from tests.support.programs import needs
from tests.support.site_tab import URL, served

pytestmark = pytest.mark.slow

EVENTS = 60
CUTS_AFTER = (15, 40)
PROGRAM = ROOT / "tests" / "js" / "public_clients.mjs"


@pytest.mark.parametrize(
    "client", ["eventsource", "eventsource-client", "fetch-event-source", "ours"]
)
def test_a_public_client_loses_nothing_and_repeats_nothing(
    client: str, metrics: SSEMetrics
) -> None:
    """Sixty events over two cuts: each arrives once, in order, under its own id."""
    for package in ("eventsource", "eventsource-client", "@microsoft/fetch-event-source"):
        needs_package(package)
    seen: list[tuple[str, str]] = []
    with (
        served(site(counting(EVENTS, 0.05), metrics)) as proxy,
        subprocess.Popen(
            [needs("node"), str(PROGRAM), client, proxy.url + URL],
            stdout=subprocess.PIPE,
            text=True,
        ) as reading,
    ):
        try:
            for line in reading.stdout or ():
                seen.append(tuple(json.loads(line)))
                if len(seen) in CUTS_AFTER:
                    proxy.reset()
            assert reading.wait(60) == 0
        finally:
            reading.kill()

    assert [data for _, data in seen] == [str(n) for n in range(EVENTS)]
    assert len({event_id for event_id, _ in seen}) == EVENTS
    resumed = metrics.registry.get_sample_value(
        "sse_resumes_total", {"route": URL, "outcome": "full"}
    )
    assert resumed == len(CUTS_AFTER)
