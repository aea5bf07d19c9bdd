"""Signals as recorded: their names, and how far back they read raw metrics."""

import promql_parser

from sse_observe.catalog.series import RAW
from sse_observe.catalog.signals.recordings import SIGNALS
from sse_observe.render.expressions import Expressions
from sse_observe.render.settings import Settings


def test_record_names_say_that_they_are_ours() -> None:
    """Recorded names start with their grouping, but for one whose name is fixed."""
    names = {signal.record for signal in SIGNALS}

    assert {n for n in names if not n.startswith(("route:", "route_split:"))} == {
        "sse_stream_completion_rate"
    }


def test_no_recording_reads_a_long_raw_range() -> None:
    """Raw ranges over 15 minutes are what does not scale to a thousand instances."""
    long = []

    def visit(node: object) -> bool:
        if isinstance(node, promql_parser.MatrixSelector):
            name = node.vector_selector.name
            if name in RAW and node.range.total_seconds() > 16 * 60:
                long.append(name)
        return True

    for signal in SIGNALS:
        promql_parser.walk(promql_parser.parse(Expressions(Settings()).record(signal)), visit)

    assert long == []
