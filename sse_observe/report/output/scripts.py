"""
The scripts that draw figures in a browser, and the style of the pages that show them.

The one importer of plotly, which brings its own script.
"""

from functools import cache
from importlib.resources import files

from plotly.offline import get_plotlyjs

PLOTLY = "plotly.js"


@cache
def asset(name: str) -> str:
    """Return the text of a script or a style: plotly's own script, or a file of this folder."""
    if name == PLOTLY:
        return str(get_plotlyjs())
    return files("sse_observe.report.output").joinpath(name).read_text("utf-8")
