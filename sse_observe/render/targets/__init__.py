"""
The bundle in the form that each system takes: one module for each, found by `render.target`.

A module defines `TARGET`, and may keep templates in a folder of its name. It writes what was
decided elsewhere; it knows no signal and no alert.
"""

import pkgutil


def names() -> tuple[str, ...]:
    """Return what `--target` takes; an underscore of a module is a hyphen there."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name.replace("_", "-") for name in modules))
