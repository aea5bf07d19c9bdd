"""The faults of providers that a gateway asks; the gateway itself is well."""

from sse_observe import StreamRoute
from sse_observe.lab.drill import gateway_apps
from sse_observe.lab.drill.fault import Fault

_UNDECLARED = StreamRoute()

PROVIDER_FAULTS = (
    Fault(
        name="provider-outage",
        text="One of two providers refuses every other question, and the other one answers it.",
        alerts=("SSEUpstreamFailing",),
        within=40,
        provider=gateway_apps.refusing_provider,
        route=_UNDECLARED,
        method="POST",
    ),
    Fault(
        name="slow-provider",
        text="A provider begins to think for seven seconds; its gateway fills the wait.",
        alerts=("SSEUpstreamSlow",),
        within=50,
        provider=gateway_apps.slow_provider,
        route=_UNDECLARED,
        method="POST",
        users=16,
    ),
)
"""What the metrics of an upstream alone see."""
