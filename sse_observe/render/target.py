"""
Targets: the forms in which the bundle is written, one for each kind of system that takes it.

A target is a module in `targets/` that defines `TARGET`; it is found there and registered nowhere.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from sse_observe.catalog.model import Catalog
from sse_observe.render import targets
from sse_observe.render.settings import Settings


@dataclass(frozen=True, slots=True)
class Rendering:
    """
    Everything that a target may read.

    `source` is where the settings came from. `files` is the default rendering by path, for a
    target that wraps it; the default target itself finds it empty. `present` returns the text that
    stands at a path already, empty where none does.
    """

    catalog: Catalog
    settings: Settings
    source: str
    files: Mapping[str, str]
    present: Callable[[str], str] = lambda _: ""


@dataclass(frozen=True, slots=True)
class Target:
    """
    One form of the bundle; `render` returns the text of each file by its path.

    `folders` says where its files lie and how they are called: a file of ours there that is no
    longer rendered is removed. `warnings` says what means something else there.
    """

    folders: Mapping[str, tuple[str, ...]]
    render: Callable[[Rendering], Mapping[str, str]]
    warnings: Callable[[Rendering], Iterable[str]] = lambda _: ()


@cache
def all_targets() -> Mapping[str, Target]:
    """Return every target by its name: that of its module, with hyphens as in an option."""
    return {
        name: import_module(f"{targets.__name__}.{name.replace('-', '_')}").TARGET
        for name in targets.names()
    }
