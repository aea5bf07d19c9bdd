"""The browser's side of the metrics: its client module, its tokens, and the reports it sends."""

from sse_observe.beacon.app import Beacon, beacon_app
from sse_observe.beacon.limits import Limits

__all__ = ["Beacon", "Limits", "beacon_app"]
