"""
The boards: three questions, each answered in its first row.

All share one order: the answer, then a stream's life (opening, delivering, recovering, ending),
then collapsed rows for the depth.
"""

from sse_observe.catalog.dashboards.network_quality import NETWORK_QUALITY
from sse_observe.catalog.dashboards.stall_detection import STALL_DETECTION
from sse_observe.catalog.dashboards.stream_health import STREAM_HEALTH

BOARDS = (STREAM_HEALTH, STALL_DETECTION, NETWORK_QUALITY)
