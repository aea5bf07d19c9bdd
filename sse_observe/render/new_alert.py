"""
A page for an alert of one's own: whole, valid, and to be filled in.

Knows the folder that the settings name; whether a filled page is sound is the catalogue's to say.
"""

import re
from pathlib import Path
from typing import NamedTuple

from sse_observe.catalog.cross_checks import NAME
from sse_observe.errors import SettingsError
from sse_observe.render.bundle import catalogue
from sse_observe.render.settings import FILE_NAME
from sse_observe.render.text import fill

FOLDER = "our-alerts"
"""Where pages go until the settings name a folder."""


class NewPage(NamedTuple):
    """The page that was written, and the line that the settings file still needs, if any."""

    path: Path
    missing: str


def write_page(name: str, settings_file: Path | None) -> NewPage:
    """
    Write a page that renders as it is, into the folder of `extra_alerts`.

    SettingsError: the name is taken or has another form, or the folder cannot be written.
    """
    if not NAME.fullmatch(name):
        form = re.sub(r"\W", "", name)
        raise SettingsError(
            f"{name}: an alert's name starts with SSE and a capital; "
            f"try SSE{form[:1].upper()}{form[1:]}"
        )
    catalog, settings = catalogue(settings_file)
    if name in {alert.name for alert in catalog.alerts}:
        raise SettingsError(f"{name}: there is such an alert already; choose another name")
    home = (settings_file or Path(FILE_NAME)).parent
    folder = Path(settings.extra_alerts) if settings.extra_alerts else home / FOLDER
    path = folder / f"{name}.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(fill("alerts/page.md.j2", name=name))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; choose another name or folder") from None
    return NewPage(path, "" if settings.extra_alerts else f"extra_alerts: {FOLDER}")
