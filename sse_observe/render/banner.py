"""The line in every rendered file: that it is ours, and what to change instead of it."""

MARK = "Rendered by sse-observe"
"""Marks our files among others in a user's folders."""


_OWN = "sse_observe/"


def banner(source: str) -> str:
    """Return the line for a file that comes from `source`, a path of this package or the user's."""
    change = "sse-observe.yaml, then run `sse-observe render`."
    if source.startswith(_OWN):
        # Whoever installed the package does not have its sources to change.
        return f"{MARK} from its own {source.removeprefix(_OWN)}: change {change}"
    return f"{MARK} from {source}: change that or {change}"
