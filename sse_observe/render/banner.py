"""The line that every rendered file carries: where it comes from, and that it is ours."""

MARK = "Rendered by sse-observe"
"""What tells our files from everything else that lies in a user's folders."""


def banner(source: str) -> str:
    """Return the line for a file that comes from `source`."""
    return f"{MARK} from {source}: change that or sse-observe.yaml, then run `sse-observe render`."
