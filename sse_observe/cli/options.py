"""Options that several commands share, and how a command prints JSON and warnings."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        help="Settings file. Default: ./sse-observe.yaml if it exists, else built-in defaults.",
    ),
]

AsJSON = Annotated[
    bool, typer.Option("--json", help="Print one JSON document at the end and nothing else.")
]


def print_json(document: object) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(document, indent=2))


def warn(warnings: Iterable[str]) -> None:
    """Print one line on stderr for each warning."""
    for warning in warnings:
        typer.echo(f"sse-observe: warning: {warning}", err=True)
