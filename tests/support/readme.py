"""The README's tables, written from their sources: `python tests/readme.py` puts them in place."""

import re
from collections.abc import Iterable

from sse_observe.catalog.load import load
from sse_observe.metrics import METRICS
from tests.support.outcomes import (
    APPLICATIONS,
    DIFFERENCES,
    ENDINGS,
    NO_STREAM,
    SERVERS,
    Difference,
    difference,
)
from tests.support.paths import ROOT

README = ROOT / "README.md"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def endings() -> str:
    """Return how endings are counted: a row per ending, a column per server, reasons below."""
    columns: dict[str, list[str]] = {}
    for server, column in SERVERS.items():
        columns.setdefault(column, []).append(server)
    rows = [
        (
            ending.words,
            "nothing" if ending.truth == NO_STREAM else f"`{ending.truth}`",
            *(_on_server(name, servers) for servers in columns.values()),
        )
        for name, ending in ENDINGS.items()
    ]
    reasons = (f"{number}. {case.why}" for number, case in enumerate(DIFFERENCES, 1))
    grid = table(("How it ends", "Counted as", *columns), rows)
    return "\n".join(("", grid, "", *reasons, ""))


def _on_server(name: str, servers: list[str]) -> str:
    """Return one cell; set-ups that share a column count the same."""
    had_by = [server for server in servers if server in ENDINGS[name].servers]
    if not had_by:
        return "–"
    (cells,) = {
        tuple(difference(server, application, name) for application in APPLICATIONS)
        for server in had_by
    }
    others: dict[Difference, list[str]] = {}
    for case, words in zip(cells, APPLICATIONS.values(), strict=True):
        if case is not None:
            others.setdefault(case, []).append(words)
    told = (
        f"{'' if case.true else '✗ '}"
        f"{'all' if len(found) == len(APPLICATIONS) else ', '.join(found)}: "
        f"`{case.counted}` [{DIFFERENCES.index(case) + 1}]"
        for case, found in others.items()
    )
    return "; ".join(told) or "✓"


def blocks() -> dict[str, str]:
    """Return the text of each generated block by its name."""
    catalog = load()
    return {
        "dashboards": table(
            ("Dashboard", "The question that it answers"),
            (
                (f"[{board.title}](dashboards/{board.name}.json)", board.question)
                for board in catalog.boards
            ),
        ),
        "alerts": table(
            ("Alert", "Severity", "Summary"),
            (
                (
                    f"[{alert.name}](runbooks/{alert.name}.md)",
                    ", ".join(dict.fromkeys(w.severity for w in alert.windows)) or alert.severity,
                    alert.summary,
                )
                for alert in catalog.alerts
            ),
        ),
        "endings": endings(),
        "metrics": table(
            ("Metric", "Kind", "Labels", "What"),
            (
                (
                    f"`{metric.name}`",
                    metric.kind,
                    " ".join(f"`{label}`" for label in metric.labels) or "–",
                    metric.help,
                )
                for metric in METRICS.values()
            ),
        ),
    }


def written(text: str) -> str:
    """Return the README with every block as the catalogue has it."""
    for name, block in blocks().items():
        mark = f"<!-- sse-observe:{name} -->", f"<!-- /sse-observe:{name} -->"
        pattern = re.compile(f"{re.escape(mark[0])}.*?{re.escape(mark[1])}", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"README.md: block {name!r} is missing")
        text = pattern.sub(lambda _, m=mark, b=block: f"{m[0]}\n{b}\n{m[1]}", text)
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
