"""An id as it may stand in an output: enough to tell it from its neighbours, not to resume with."""

_LONGEST = 8


def briefly(text: str | None) -> str:
    """Return an id in quotes, its end left out: an epoch is enough to read somebody's stream."""
    shown = text or ""
    return repr(shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 2]}…")
