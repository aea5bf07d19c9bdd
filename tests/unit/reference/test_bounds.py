"""Bounds of a store: each must hold something."""

from dataclasses import fields, replace

import pytest

from sse_observe.errors import SettingsError
from sse_observe.reference.bounds import Bounds

BOUNDS = Bounds(1, 1, 1, 0.5, 0.5)


def test_what_holds_something_is_taken() -> None:
    """The smallest store holds one event of one byte."""
    BOUNDS.check("MemoryStore")


@pytest.mark.parametrize("name", [field.name for field in fields(Bounds)])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_bound_that_holds_nothing_is_refused_by_name(name: str, value: float) -> None:
    """The line names the store, the option and what it was."""
    with pytest.raises(SettingsError, match=f"^MemoryStore: {name}={value!r} holds nothing"):
        replace(BOUNDS, **{name: value}).check("MemoryStore")
