"""A stream's arrivals as a drawing: bytes so far over time, a mark for each event."""

from collections.abc import Iterator, Sequence

from sse_observe.check.output.document import StreamEntry
from sse_observe.report.output.markup import Markup, tag

_WIDTH, _HEIGHT = 900, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 12, 12, 26
_HUES = {
    "content": "#0a67a3",
    "failure": "#cd171f",
    "terminal": "#0b7462",
    "heartbeat": "#8a4b00",
    "other": "#8c959f",
}


def arrival_plot(stream: StreamEntry) -> Markup:
    """Return the figure of one stream: a step for each arrival, so a burst is a cliff."""
    seconds = max(stream["ended_at"], 0.001)
    most = max(sum(size for _, size in stream["arrivals"]), 1)
    caption = (
        f"{stream['visit']}, accepting {stream['accepts']}: {len(stream['arrivals'])} arrivals, "
        f"{len(stream['events'])} events, {stream['bytes']} bytes, {stream['end']}"
    )
    drawing = tag(
        "svg",
        *_axes(seconds, most),
        tag("path", d=_steps(stream["arrivals"], seconds, most), class_="steps"),
        *_marks(stream["events"], seconds),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label=caption,
    )
    return tag("figure", tag("figcaption", f"{stream['place']} · {caption}"), drawing)


def _x(at: float, seconds: float) -> float:
    return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * min(at / seconds, 1), 1)


def _y(share: float) -> float:
    return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share, 1)


def _steps(arrivals: Sequence[tuple[float, int]], seconds: float, most: int) -> str:
    path, total = [f"M{_LEFT} {_y(0)}"], 0
    for at, size in arrivals:
        total += size
        path.append(f"H{_x(at, seconds)}V{_y(total / most)}")
    return "".join([*path, f"H{_x(seconds, seconds)}"])


def _marks(events: Sequence[tuple[float, str]], seconds: float) -> Iterator[Markup]:
    for at, kind in events:
        x = str(_x(at, seconds))
        yield tag(
            "line",
            tag("title", f"{kind}, {at:.3f} s"),
            x1=x,
            x2=x,
            y1=str(_HEIGHT - _BOTTOM),
            y2=str(_HEIGHT - _BOTTOM + 7),
            stroke=_HUES[kind],
        )


def _axes(seconds: float, most: int) -> Iterator[Markup]:
    for share in (0.0, 0.5, 1.0):
        y = _y(share)
        yield tag(
            "line", x1=str(_LEFT), x2=str(_WIDTH - _RIGHT), y1=str(y), y2=str(y), class_="axis"
        )
        words = f"{most * share:,.0f} B"
        yield tag("text", words, x=str(_LEFT - 6), y=str(y + 4), text_anchor="end")
    for part in range(5):
        at = seconds * part / 4
        anchor = "end" if part == 4 else "middle"
        yield tag(
            "text", f"{at:.2g} s", x=str(_x(at, seconds)), y=str(_HEIGHT - 4), text_anchor=anchor
        )
