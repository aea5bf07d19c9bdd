"""The door of the command line: starts the commands, or says which extra they need."""

import sys
from importlib.util import find_spec

EXTRAS = {
    "render": ("typer", "rich", "yaml", "jinja2", "grafanalib"),
    "report": ("typer", "rich", "yaml", "jinja2", "grafanalib", "plotly", "markdown_it"),
    "lab": ("typer", "rich", "yaml", "jinja2", "grafanalib", "uvicorn", "markdown_it", "aiohttp"),
}
"""What each extra brings, by the name it is imported under."""

NEEDS = {
    "render": "render",
    "runbook": "render",
    "report": "report",
    "demo": "lab",
    "drill": "lab",
}
"""Which extra each command needs."""


def missing(command: str) -> str | None:
    """Return one line that names the extra a command lacks, or None where all is installed."""
    extra = NEEDS.get(command, "render")
    if all(find_spec(module) for module in EXTRAS[extra]):
        return None
    return f"{command} needs the [{extra}] extra; run: pip install 'sse-observe[{extra}]'"


def main() -> None:
    """Run the command line; the exit code is 0, 1 (it failed) or 2 (it was called wrongly)."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    lack = missing(words[0] if words and words[0] in NEEDS else "sse-observe")
    if lack:
        sys.exit(f"sse-observe: {lack}")
    from sse_observe.cli.commands import run  # noqa: PLC0415  # only now is typer known to be there

    run()
