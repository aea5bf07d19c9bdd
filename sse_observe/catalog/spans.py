"""
Windows that hold enough scrapes, and names that tell them.

Under a long scrape interval a window of two minutes would hold two scrapes: it is stretched, and
with it the name of each signal that looks back so far. Knows the catalogue, and no settings.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from sse_observe.catalog import promql
from sse_observe.catalog.durations import duration, seconds
from sse_observe.catalog.model import Alert, Board, Catalog, Signal, Stretch
from sse_observe.catalog.reads import signals_read, span_in

_WORD = re.compile(r"(?P<head><< (?:w|rate|seconds)\(')(?P<span>\w+)(?P<tail>'\) >>)")


def stretched(catalog: Catalog, shortest: float) -> Catalog:
    """Return the catalogue with every window at least so many seconds long, in whole minutes."""
    names = renamed(catalog.signals, shortest)
    changed = _changed(catalog.signals, shortest)
    if not changed:
        return catalog

    def words(text: str) -> str:
        return _stretched_words(text, shortest)

    def expr(text: str) -> str:
        return promql.renamed(words(text), lambda name: names.get(name, name))

    return replace(
        catalog,
        signals=tuple(
            replace(
                signal,
                record=names.get(signal.record, signal.record),
                expr=expr(signal.expr),
                help=words(signal.help),
            )
            for signal in catalog.signals
        ),
        boards=tuple(_board(board, expr) for board in catalog.boards),
        alerts=tuple(_alert(alert, expr, changed) for alert in catalog.alerts),
    )


@lru_cache(maxsize=32)
def renamed(signals: tuple[Signal, ...], shortest: float) -> Mapping[str, str]:
    """Return the new name of each signal whose own window is stretched."""
    found: dict[str, str] = {}
    for signal in signals:
        span = span_in(signal.record)
        if span is None or seconds(span) >= shortest:
            continue
        longer = _longer(span, shortest)
        found[signal.record] = signal.record.removesuffix(span) + longer
    return found


def _longer(span: str, shortest: float) -> str:
    """Return a span that is long enough: a whole number of minutes."""
    if seconds(span) >= shortest:
        return span
    return duration(-(-shortest // 60) * 60)


def _stretched_words(text: str, shortest: float) -> str:
    return _WORD.sub(
        lambda word: f"{word['head']}{_longer(word['span'], shortest)}{word['tail']}", text
    )


def _changed(signals: Iterable[Signal], shortest: float) -> dict[str, Stretch]:
    """Return the signals that look back farther, and whatever reads them."""
    found: dict[str, Stretch] = {}
    for signal in signals:
        own = [word["span"] for word in _WORD.finditer(signal.expr)]
        short = [span for span in own if seconds(span) < shortest]
        read = [found[read.series] for read in signals_read(signal.expr) if read.series in found]
        if short:
            found[signal.record] = Stretch(short[0], _longer(short[0], shortest))
        elif read:
            found[signal.record] = read[0]
    return found


def _board(board: Board, expr: Callable[[str], str]) -> Board:
    return replace(
        board,
        rows=tuple(
            replace(
                row,
                panels=tuple(
                    replace(
                        panel,
                        queries=tuple(
                            replace(query, expr=expr(query.expr)) for query in panel.queries
                        ),
                    )
                    for panel in row.panels
                ),
            )
            for row in board.rows
        ),
    )


def _alert(alert: Alert, expr: Callable[[str], str], changed: Mapping[str, Stretch]) -> Alert:
    compared = (*alert.signals(), *alert.guard_signals())
    stretch = next((changed[name] for name in compared if name in changed), None)
    return replace(
        alert,
        signal=expr(alert.signal),
        guards=tuple(replace(guard, signal=expr(guard.signal)) for guard in alert.guards),
        prose=expr(alert.prose),
        stretch=stretch,
    )
