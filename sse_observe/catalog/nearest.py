"""The remedy for a name that does not exist: the nearest one that does."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(wrong: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return a question for the nearest name, or another remedy where none is near."""
    near = get_close_matches(wrong, known, n=1)
    return f"did you mean {near[0]}?" if near else otherwise
