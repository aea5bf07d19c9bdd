"""A stream as one line of text: a mark for each slice of time, higher the more came in it."""

from collections.abc import Sequence

from sse_observe.check.asking.recording import Recording

_BARS = " ▁▂▃▄▅▆▇█"
_SOMETHING = "·"
_HEAD = "┤"
_CUT = "✗"
_END = "■"


def strip(recording: Recording, width: int, seconds: float) -> str:
    """
    Return the arrivals of `seconds` in `width` marks: bars for content, a dot for other bytes.

    Where the head of the answer came stands ┤, ■ where it ended, ✗ where it was cut.
    """
    cells = [" "] * width
    content = [0] * width
    for read in recording.reads:
        cells[_cell(read.at, width, seconds)] = _SOMETHING
    for event in recording.log.content:
        content[_cell(event.at, width, seconds)] += 1
    most = max(content, default=0)
    for number, count in enumerate(content):
        if count:
            cells[number] = _bar(count, most)
    if recording.headers_at is not None:
        head = _cell(recording.headers_at, width, seconds)
        if cells[head] in (" ", _SOMETHING):
            cells[head] = _HEAD
    if recording.end in ("cut", "complete") and recording.ended_at is not None:
        cells[_cell(recording.ended_at, width, seconds)] = _CUT if recording.end == "cut" else _END
    return "".join(cells)


def _bar(count: int, most: int) -> str:
    # One event has the lowest bar, however many others have.
    return _BARS[1 + (len(_BARS) - 2) * (count - 1) // max(1, most - 1, 4)]


def _cell(at: float, width: int, seconds: float) -> int:
    return max(0, min(width - 1, int(at / seconds * width)))


def scale(width: int, seconds: float) -> str:
    """Return the line below a strip: seconds at its ends."""
    right = f"{seconds:g} s"
    return f"0{right:>{width - 1}}"


def longest(recordings: Sequence[Recording]) -> float:
    """Return a length of time that holds all recordings, in whole seconds."""
    return float(max(1, max((int(one.lasted) + 1 for one in recordings), default=1)))
