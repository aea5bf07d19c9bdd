"""The remedies' texts: fixes of the catalogue, by name. The one reader of the catalogue here."""

from collections.abc import Iterable
from importlib.resources import files


def fix_texts(names: Iterable[str]) -> dict[str, str]:
    """Return the fixes of these names, as they stand in the runbooks."""
    folder = files("sse_observe.catalog") / "fixes"
    return {name: (folder / f"{name}.md").read_text("utf-8").strip() for name in names}
