"""
The checks, one file each: a file that defines `CHECK` is found, and registered nowhere.

A check judges recordings; it asks nobody and prints nothing. Entry: `every()`.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from sse_observe.check.model import Check


@cache
def every() -> tuple[Check, ...]:
    """Return all checks in the order of their numbers."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    return tuple(sorted((module.CHECK for module in modules), key=lambda check: check.number))
