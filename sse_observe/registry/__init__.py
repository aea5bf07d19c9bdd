"""
The metric objects of one process, and the files of many.

Knows prometheus_client; knows neither streams nor ASGI. Entry: `SSEMetrics`.
"""

from sse_observe.registry.registry import (
    SSEMetrics,
    chosen_metrics,
    default_metrics,
    package_version,
)

__all__ = ["SSEMetrics", "chosen_metrics", "default_metrics", "package_version"]
