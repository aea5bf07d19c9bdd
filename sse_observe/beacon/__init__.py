"""
The browser's side of the metrics: its client module, its tokens, and its beacon reports.

Entered by `beacon_app()`. Trusts nothing that a browser says, and lets none of it become a label.
"""

from sse_observe.beacon.app import Beacon, beacon_app
from sse_observe.beacon.limits import Limits
from sse_observe.beacon.unconfirmed import UnconfirmedStream

__all__ = ["Beacon", "Limits", "UnconfirmedStream", "beacon_app"]
