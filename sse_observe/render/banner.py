"""The line in every rendered file: that it is ours, and from which source."""

MARK = "Rendered by sse-observe"
"""Marks our files among others in a user's folders."""


def banner(source: str) -> str:
    """Return the line for a file that comes from `source`."""
    return f"{MARK} from {source}: change that or sse-observe.yaml, then run `sse-observe render`."
