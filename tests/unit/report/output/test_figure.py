"""Figures of plotly: text that it shows as it is, and fewer points where the file is too large."""

from hypothesis import given
from hypothesis import strategies as st

from sse_observe.report.output.figure import Figure, milliseconds, plotly_text, thin_out


def test_thinning_keeps_the_times_of_the_points_that_are_left() -> None:
    """Half as many points, twice as far apart; what is not over time stays whole."""
    figure: Figure = {
        "data": [
            {"dx": 60_000, "y": [1.0, 2.0, 3.0, None, 5.0]},
            {"dx": 60_000, "y": ["≤ 1", "more"], "z": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]},
            {"x": [1.0, 2.0], "y": ["/a", "/b"]},
        ],
        "layout": {},
    }

    thin_out([figure])

    line, heatmap, bars = figure["data"]
    assert (line["dx"], line["y"]) == (120_000, [1.0, 3.0, 5.0])
    assert (heatmap["dx"], heatmap["y"]) == (120_000, ["≤ 1", "more"])
    assert heatmap["z"] == [[1.0, 3.0], [4.0, 6.0]]
    assert bars["y"] == ["/a", "/b"]


@given(st.text())
def test_no_text_is_a_tag_to_plotly(words: str) -> None:
    """A route that is named like a link is no link in a legend."""
    shown = plotly_text(words)

    assert not set(shown) & set("<>\n")
    assert shown.count("&") == shown.count("&amp;") + shown.count("&lt;") + shown.count("&gt;")


def test_plotly_counts_in_milliseconds() -> None:
    """A whole number, or the file would hold fractions that nobody sees."""
    assert milliseconds(1.2345) == 1234
