"""The whole bundle: rendered in memory first, then written at once or not at all."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from sse_observe.catalog.load import load
from sse_observe.catalog.model import Catalog
from sse_observe.errors import SettingsError
from sse_observe.render.banner import MARK
from sse_observe.render.boards import render_boards
from sse_observe.render.settings import FILE_NAME, Settings, load_settings
from sse_observe.render.targets.kubernetes import FOLDER as KUBERNETES
from sse_observe.render.targets.kubernetes import manifests
from sse_observe.render.targets.provisioning import FILES, stack
from sse_observe.render.targets.provisioning import FOLDER as PROVISIONING
from sse_observe.render.text import Text
from sse_observe.render.tuning import tune

FOLDERS = {
    "dashboards": ("*.json",),
    "alerts": ("*.y*ml",),
    "runbooks": ("*.md",),
    KUBERNETES: ("*.yaml",),
    # By name: the user's own copies of our files may lie here too, banner and all.
    PROVISIONING: FILES,
}
"""Where rendered files lie, and how they are called."""


@dataclass(frozen=True)
class Bundle:
    """The files by their path, and what deserves a second look."""

    files: dict[str, str]
    warnings: tuple[str, ...]


def catalogue(settings_file: Path | None) -> tuple[Catalog, Settings]:
    """Return the catalogue as a settings file tunes it, and the settings."""
    settings = load_settings(settings_file)
    extra = Path(settings.extra_alerts) if settings.extra_alerts else None
    catalog = load(extra, settings.group_by)
    return tune(catalog, settings, str(settings_file or FILE_NAME)), settings


def render(catalog: Catalog, settings: Settings) -> dict[str, str]:
    """Return the text of every file by its path: the same input gives the same bytes."""
    return {**render_boards(catalog, settings), **Text(catalog, settings).files()}


def bundle(
    settings_file: Path | None, *, kubernetes: bool = False, provisioning: bool = False
) -> Bundle:
    """Render the bundle of a settings file, in memory; with what else is asked for."""
    catalog, settings = catalogue(settings_file)
    files = render(catalog, settings)
    if kubernetes:
        files |= manifests(files)
    if provisioning:
        files |= stack(settings, str(settings_file or FILE_NAME))
    return Bundle(files, tuple(settings.warnings()))


def render_to(
    out: Path,
    settings_file: Path | None,
    *,
    kubernetes: bool = False,
    provisioning: bool = False,
) -> tuple[list[Path], tuple[str, ...]]:
    """Render into a folder; return the files written, and the warnings."""
    rendered = bundle(settings_file, kubernetes=kubernetes, provisioning=provisioning)
    return write(rendered.files, out), rendered.warnings


def orphans(files: dict[str, str], out: Path) -> list[str]:
    """Return the files of ours in a folder that the bundle no longer has."""
    found = []
    for folder, patterns in FOLDERS.items():
        for path in sorted(path for like in patterns for path in (out / folder).glob(like)):
            name = path.relative_to(out).as_posix()
            if name not in files and ours(path):
                found.append(name)
    return found


def ours(path: Path) -> bool:
    """Whether a file carries our banner; what does not is the user's own."""
    try:
        return MARK in path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def write(files: dict[str, str], out: Path) -> list[Path]:
    """
    Write all files, or none; what the bundle no longer has, and is ours, goes.

    Everything is written beside its place first and moved in at the end, so that a full disk or
    a closed folder leaves the old files whole.
    """
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
            draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
            staged[draft] = path
            draft.write_text(text, encoding="utf-8", newline="\n")
        for draft, path in staged.items():
            draft.replace(path)
        for name in gone:
            (out / name).unlink()
    except OSError as error:
        for draft in staged:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
        where = error.filename or out
        raise SettingsError(
            f"{where}: {error.strerror}; choose a folder that can be written with --out"
        ) from None
    return list(staged.values())
