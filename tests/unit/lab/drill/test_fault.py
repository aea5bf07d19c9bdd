"""A fault: which alerts are its doing."""

import pytest

from sse_observe.lab.drill import gateway_apps
from sse_observe.lab.drill.fault import JOB, Fault

SHARED = Fault(name="a", text="", alerts=("A",), within=1)
ASKING = Fault(name="c", text="", alerts=("C",), within=1, provider=gateway_apps.slow_provider)
ALONE = Fault(name="b", text="", alerts=("B",), within=1, exporter=True)


@pytest.mark.parametrize(
    ("fault", "labels", "raised"),
    [
        (SHARED, {"job": JOB, "route": SHARED.path}, True),
        (SHARED, {"job": JOB, "route": "/elsewhere"}, False),
        (SHARED, {"job": JOB}, False),
        (SHARED, {"job": "chat", "route": SHARED.path}, False),
        (ASKING, {"job": JOB, "upstream": "c"}, True),
        (ASKING, {"job": JOB, "upstream": "a"}, False),
        (SHARED, {"job": JOB, "upstream": "a"}, False),
        (ALONE, {"job": "drill-b"}, True),
        (ALONE, {"job": "drill-b", "route": "/any"}, True),
        (ALONE, {"job": JOB, "route": ALONE.path}, False),
        (ALONE, {}, False),
    ],
)
def test_an_alert_is_a_faults_by_its_route_upstream_or_job(
    fault: Fault, labels: dict[str, str], raised: bool
) -> None:
    """Faults of one job answer for a route each, or for whom it asks; others for all their job."""
    assert fault.raises(labels) is raised


@pytest.mark.parametrize("own", ["exporter", "beacon_reports", "restarts", "rolls", "lossy"])
def test_a_fault_that_breaks_servers_has_a_job_of_its_own(own: str) -> None:
    """It would take its neighbours along."""
    fault = Fault(name="b", text="", alerts=(), within=1, **{own: True})

    assert fault.job == "drill-b"


def test_a_fault_is_proxied_for_a_limit_or_for_buffering() -> None:
    """Only then nginx has to be installed."""
    limited = Fault(name="b", text="", alerts=(), within=1, read_timeout="10s")
    buffering = Fault(name="b", text="", alerts=(), within=1, buffering=True)

    assert (SHARED.proxied, limited.proxied, buffering.proxied) == (False, True, True)
