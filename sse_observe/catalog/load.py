"""The whole catalogue: signals and boards from their modules, alerts and fixes from their pages."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from sse_observe.catalog.alert_pages import read_page
from sse_observe.catalog.cross_checks import problems, unread
from sse_observe.catalog.dashboards import BOARDS
from sse_observe.catalog.model import Alert, Catalog
from sse_observe.catalog.signals.recordings import SIGNALS
from sse_observe.errors import CatalogError


def load(extra_alerts: Path | None = None, group_by: Iterable[str] = ()) -> Catalog:
    """
    Return the catalogue, with the alert pages of a user's own folder where one is given.

    `group_by` are labels that the user's settings give each record, which such a page may name.
    CatalogError holds one line for each problem.
    """
    if extra_alerts is None:
        return _shipped()
    if not extra_alerts.is_dir():
        raise CatalogError(f"{extra_alerts}: no such folder; extra_alerts names one")
    more = _pages(extra_alerts, str(extra_alerts))
    shipped = _shipped()
    return _checked(replace(shipped, alerts=(*shipped.alerts, *more)), group_by)


# A third of the time of rendering, and always the same.
@cache
def _shipped() -> Catalog:
    """Return the catalogue of the package alone."""
    with as_file(files("sse_observe.catalog")) as here:
        alerts = _pages(here / "alerts", "sse_observe/catalog/alerts")
        fixes = {path.stem: path.read_text("utf-8") for path in (here / "fixes").glob("*.md")}
    return _checked(Catalog(signals=SIGNALS, boards=BOARDS, alerts=tuple(alerts), fixes=fixes))


def _checked(catalog: Catalog, group_by: Iterable[str] = ()) -> Catalog:
    found = [*problems(catalog, group_by), *unread(catalog)]
    if found:
        raise CatalogError("\n".join(found))
    return catalog


def _pages(folder: Path, source: str) -> list[Alert]:
    alerts: list[Alert] = []
    refused: list[str] = []
    for path in sorted(folder.glob("*.md")):
        try:
            alerts.append(read_page(path, f"{source}/{path.name}"))
        except CatalogError as error:
            refused.append(str(error))
    if refused:
        raise CatalogError("\n".join(refused))
    return alerts
