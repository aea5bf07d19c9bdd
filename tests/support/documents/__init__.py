"""
The generated blocks of the documents, each from its source.

`python -m tests.support.documents` writes them; `make render` does that too. A block stands
between two marks that have the name of its function; the text around it is written by people.
"""

import re

from tests.support.documents.catalogue import settings, signals
from tests.support.documents.commands import commands
from tests.support.documents.javascript import outcomes, script_names, script_options
from tests.support.documents.python_names import python_names
from tests.support.documents.tables import (
    alerts,
    checks,
    contract,
    dashboards,
    endings,
    fleet,
    metrics,
)
from tests.support.paths import ROOT

BLOCKS = {
    "docs/browser.md": (outcomes,),
    "docs/operations/sizing.md": (fleet,),
    "docs/reference/alerts.md": (alerts,),
    "docs/reference/checks.md": (checks,),
    "docs/reference/cli.md": (commands,),
    "docs/reference/dashboards.md": (dashboards,),
    "docs/reference/endings.md": (endings,),
    "docs/reference/javascript.md": (script_options, script_names),
    "docs/reference/metric-contract.md": (contract,),
    "docs/reference/metrics.md": (metrics,),
    "docs/reference/python.md": (python_names,),
    "docs/reference/settings.md": (settings,),
    "docs/reference/signals.md": (signals,),
}
"""The generated blocks of each document; a block's mark is the function's name."""


def written(document: str) -> str:
    """Return a document with every block as its source has it."""
    text = (ROOT / document).read_text()
    for block in BLOCKS[document]:
        name = block.__name__
        mark = f"<!-- sse-observe:{name} -->", f"<!-- /sse-observe:{name} -->"
        pattern = re.compile(f"{re.escape(mark[0])}.*?{re.escape(mark[1])}", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"{document}: block {name!r} is missing")
        filled = f"{mark[0]}\n{block()}\n{mark[1]}"
        text = pattern.sub(lambda _, filled=filled: filled, text)
    return text
