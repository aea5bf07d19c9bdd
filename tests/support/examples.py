"""
One example of each target, and of the settings file, rendered with the default settings.

`python -m tests.support.examples` writes them into docs/examples/targets/, as `make render` does.
"""

from sse_observe.render.bundle import DEFAULT, bundle, catalogue, write
from sse_observe.render.settings import FILE_NAME
from sse_observe.render.settings_example import settings_example
from sse_observe.render.targets import names
from tests.support.paths import ROOT

FOLDER = ROOT / "docs/examples/targets"


def targets() -> dict[str, str]:
    """Return the files of every target but the default, whose files stand at the root."""
    plain = bundle(None).files
    rendered = bundle(None, [name for name in names() if name != DEFAULT]).files
    return {path: text for path, text in rendered.items() if path not in plain}


def settings() -> str:
    """Return the settings file with every key."""
    catalog, given = catalogue(None)
    return settings_example(given, catalog)


if __name__ == "__main__":
    write(targets(), FOLDER)
    (FOLDER / FILE_NAME).write_text(settings())
