"""The whole bundle: rendered in memory first, then written at once or not at all."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

try:
    import fcntl
except ImportError:  # Windows: two at once may mix.
    fcntl = None  # type: ignore[assignment]

from sse_observe.catalog.load import load
from sse_observe.catalog.model import Catalog
from sse_observe.catalog.nearest import did_you_mean
from sse_observe.errors import SettingsError
from sse_observe.render.banner import MARK
from sse_observe.render.meaning import RULES, changes
from sse_observe.render.settings import FILE_NAME, Settings
from sse_observe.render.settings_file import load_settings
from sse_observe.render.target import Rendering, Target, all_targets
from sse_observe.render.tuning import tune

DEFAULT = "prometheus"
"""The target that is always written; others come beside it."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files by their path, and warnings about the settings."""

    files: dict[str, str]
    warnings: tuple[str, ...]


class Tuned(NamedTuple):
    """The catalogue under a user's settings."""

    catalog: Catalog
    settings: Settings


def catalogue(settings_file: Path | None) -> Tuned:
    """Return the catalogue as a settings file tunes it, and the settings."""
    settings = load_settings(settings_file)
    extra = Path(settings.extra_alerts) if settings.extra_alerts else None
    catalog = load(extra, settings.places)
    return Tuned(tune(catalog, settings, _source(settings_file)), settings)


def render(catalog: Catalog, settings: Settings) -> dict[str, str]:
    """Return the text of every default file by its path: the same input gives the same bytes."""
    return dict(_target(DEFAULT).render(Rendering(catalog, settings, FILE_NAME, {})))


def bundle(
    settings_file: Path | None, targets: Iterable[str] = (), out: Path | None = None
) -> Bundle:
    """
    Render the bundle of a settings file, in memory.

    `targets` are asked for beside those of the settings; the default one is always written.
    `out` is the folder that it is for: some of what a user added to the files there is kept.
    """
    asked = {name: _target(name) for name in targets}
    catalog, settings = catalogue(settings_file)
    asked |= {
        name: _target(name, f"{_source(settings_file)}: target: ") for name in settings.targets
    }
    asked.pop(DEFAULT, None)
    default = render(catalog, settings)

    def present(name: str) -> str:
        path = None if out is None else out / name
        return path.read_text(encoding="utf-8") if path is not None and ours(path) else ""

    rendering = Rendering(catalog, settings, _source(settings_file), default, present)
    files, warnings = dict(default), list(settings.warnings())
    for target in asked.values():
        files |= target.render(rendering)
        warnings += target.warnings(rendering)
    return Bundle(files, tuple(warnings))


def _target(name: str, where: str = "--target ") -> Target:
    known = all_targets()
    if name not in known:
        remedy = did_you_mean(name, known, f"known are {', '.join(known)}")
        raise SettingsError(f"{where}{name}: no such target; {remedy}")
    return known[name]


def _source(settings_file: Path | None) -> str:
    return str(settings_file or FILE_NAME)


class Written(NamedTuple):
    """The files written, the warnings, and a line for each file that was changed or removed."""

    files: list[Path]
    warnings: tuple[str, ...]
    changes: tuple[str, ...]


def render_to(out: Path, settings_file: Path | None, targets: Iterable[str] = ()) -> Written:
    """Render into a folder, and tell what became of the files that were there."""
    rendered = bundle(settings_file, targets, out)
    warnings = (*rendered.warnings, *changes_in(out, rendered.files))
    changed = [f"changed {name}" for name in _stale(rendered.files, out)]
    removed = [f"removed {name}" for name in orphans(rendered.files, out)]
    return Written(write(rendered.files, out), warnings, (*changed, *removed))


def _stale(files: Mapping[str, str], out: Path) -> list[str]:
    there = {name: out / name for name in files if ours(out / name)}
    return [name for name, path in there.items() if path.read_bytes() != files[name].encode()]


def changes_in(out: Path, files: Mapping[str, str]) -> list[str]:
    """Return what means something else than in the files of ours that a folder holds already."""
    path = out / RULES
    before = {RULES: path.read_text(encoding="utf-8")} if ours(path) else {}
    return [*changes(before, files)]


def orphans(files: Mapping[str, str], out: Path) -> dict[str, str]:
    """Return the files of ours that the bundle no longer has, each with the target it came from."""
    places = [
        (owner, out / folder, pattern)
        for owner, target in all_targets().items()
        for folder, patterns in target.folders.items()
        for pattern in patterns
    ]
    found = {
        path.relative_to(out).as_posix(): owner
        for owner, folder, pattern in places
        for path in sorted(folder.glob(pattern))
        if ours(path)
    }
    return {name: owner for name, owner in found.items() if name not in files}


def ours(path: Path) -> bool:
    """Whether a file carries our banner; others are the user's own."""
    try:
        return MARK in path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def write(files: Mapping[str, str], out: Path) -> list[Path]:
    """
    Write all files, or none; what the bundle no longer has, and is ours, goes.

    Everything is written beside its place first and moved in at the end, so that a full disk or
    a closed folder leaves the old files whole. Who renders into the same folder waits.
    """
    try:
        with _alone(out):
            return _write(files, out)
    except OSError as error:
        where = error.filename or out
        raise SettingsError(
            f"{where}: {error.strerror}; choose a folder that can be written with --out"
        ) from None


def _write(files: Mapping[str, str], out: Path) -> list[Path]:
    for name in files:
        if (out / name).exists() and not ours(out / name):
            raise SettingsError(
                f"{out / name}: not rendered by sse-observe; move it away or choose another --out"
            )
    gone = orphans(files, out)
    staged: dict[Path, Path] = {}
    try:
        for name, text in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.draft")
            staged[draft] = path
            # One that was killed may have left it; a link there leads to somebody's file.
            draft.unlink(missing_ok=True)
            with draft.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        for draft, path in staged.items():
            draft.replace(path)
        for name in gone:
            (out / name).unlink()
    except OSError:
        for draft in staged:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
        raise
    return list(staged.values())


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep others out who render into a folder: what two have mixed is of neither's settings."""
    out.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield
        return
    folder = os.open(out, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Some network file systems have no locks.
        with contextlib.suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
