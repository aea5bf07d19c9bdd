"""Observability for Server-Sent Events: the runtime half's public names."""
