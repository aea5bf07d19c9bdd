"""A report's HTML as tests read it, and a source and a log that mean ill."""

import json
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sse_observe.report.output.report import Report
from tests.support.report_source import FakePrometheus, Rows, report_from, stalled

HOSTILE = "/x</script><script>window.broken=1</script>\"'><img src=x onerror=window.broken=2>"
HOSTILE += "<a href='javascript:window.broken=3'>\u2028\u202e&lt;%{y}$x$"
STRANGE = ("\u202elive\u2066", "</script>", "__proto__", "constructor", "<!--", "$&", "{{route}}")
_LOG = f"2026-09-21T12:30:00Z ERROR app upstream prematurely closed {HOSTILE}\n"


class Outline(HTMLParser):
    """Collects the tags of a file with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def named(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name in names]


def hostile_report(folder: Path) -> Report:
    """Return the report about a source and a log that mean ill."""
    log = folder / "app.log"
    log.write_text(_LOG, encoding="utf-8")
    with FakePrometheus(stalled(HOSTILE)) as fake:
        # One board is enough to see; a file with all three is drawn where a real one is read.
        return report_from(fake, logs=log, alert="SSEStreamsStalled")


def strange_report() -> Report:
    """Return the report about routes whose names mean something to somebody else."""
    rows: Rows = [({"route": name, "le": "1048576.0"}, 0.2) for name in STRANGE]
    with FakePrometheus([("ALERTS", []), ("", rows)]) as fake:
        return report_from(fake, alert="SSEEventsOversized")


def figures(html: str) -> list[dict[str, Any]]:
    """Return the figures of a file."""
    written = html.partition('id="figures">')[2].partition("</script>")[0]
    return list(json.loads(written)["figures"].values())


def looks(html: str) -> dict[str, set[tuple[str, str]]]:
    """Return how the lines of each of the strange routes look, over all charts."""
    found: dict[str, set[tuple[str, str]]] = {}
    for trace in (trace for figure in figures(html) for trace in figure["data"]):
        name = unescape(trace.get("name", ""))
        if name in STRANGE or "\\u202e" in name:
            look = trace["line"]["color"], trace["line"].get("dash", "solid")
            found.setdefault(name, set()).add(look)
    return found
