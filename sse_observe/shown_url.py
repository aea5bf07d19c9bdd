"""
A URL as others may see it: in a message, a log, a report.

Knows no rule of what a good URL is: what a user mistyped is shown as well, and masked all the more.
"""

import re
from urllib.parse import urlsplit, urlunsplit

_MASK = "…"


def shown_url(url: str) -> str:
    """Return a URL on one line: no name, no password, no value of its query, no fragment."""
    line = "".join(char for char in url if char.isprintable())
    try:
        parts = urlsplit(line)
        # Where a host was forgotten, a password stands in the place of the port.
        if parts.scheme not in ("http", "https") or (parts.port is None and not parts.netloc):
            return _bare(line)
    except ValueError:
        return _bare(line)
    pairs = (pair.partition("=") for pair in parts.query.split("&") if pair)
    query = "&".join(f"{key}={_MASK}" if equals else _MASK for key, equals, _ in pairs)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def _bare(line: str) -> str:
    """Return what can be shown of a text that is no URL."""
    # Whatever stands before an @ may be a password, and so may what is no port.
    host = re.split(r"[?#]", re.sub(r".*@", f"{_MASK}@", line))[0]
    return re.sub(r":(?!//|\d+(?:/|$)).*", f":{_MASK}", host)
