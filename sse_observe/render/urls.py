"""Web addresses that a user gives: good, or a line that says how to write one."""

from collections.abc import Iterator
from urllib.parse import urlsplit


def url_problems(key: str, text: str) -> Iterator[str]:
    """Yield why a text is no web address; it stands in links and in commands to copy."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or any(char.isspace() for char in text) or "{{" in text:
        yield f"{key}: {text!r}: no web address; write it like https://grafana.example.com"
