"""Deploys as they should be: nothing fails, and nothing fires."""

from sse_observe.lab.drill import drained_apps
from sse_observe.lab.drill.fault import FEED, Fault

DEPLOYS = (
    Fault(
        name="rolling-deploy",
        text="No fault: three hosts are drained and replaced, one after the other.",
        alerts=(),
        within=30,
        service=drained_apps.anywhere,
        route=FEED,
        users=360,
        rolls=True,
        scale=30,
    ),
)
