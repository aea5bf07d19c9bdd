"""
Words of the stream contract that servers and clients share.

README, "The stream contract", explains them. Knows no socket and no metric.
"""

HELLO = "sse.hello"
"""The name of a connection's first frame."""

HEARTBEATS = ("heartbeat", "ping", "keepalive", "keep-alive")
"""
Event names that are never taken for payload: a hung application must not hide behind its own
pings. The first is ours, the others are what other servers call theirs.
"""
