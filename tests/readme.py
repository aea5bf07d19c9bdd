"""The README's tables, written from the catalogue: `python tests/readme.py` puts them in place."""

import re
from collections.abc import Iterable
from pathlib import Path

from sse_observe.catalog.load import load
from sse_observe.metrics import METRICS

README = Path(__file__).parent.parent / "README.md"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


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
