"""Charts: plain data for plotly, one look for a name, numbers as a person writes them."""

from dataclasses import replace

from sse_observe.catalog.model import Panel, Query
from sse_observe.render.limits import Limit
from sse_observe.render.palette import HUES
from sse_observe.report.findings.panels import Line, PanelView
from sse_observe.report.output.charts import NameStyles, panel_chart
from sse_observe.report.window import Window
from tests.support.report_findings import series
from tests.support.report_html import STRANGE, figures, looks

HOUR = Window(0, 3600, 600)


def view(kind: str = "timeseries", **more: object) -> PanelView:
    """Return a panel with two lines, of which one has a gap."""
    panel = Panel(
        title="Open",
        kind=kind,  # type: ignore[arg-type]
        queries=(Query(expr="", legend="{{route}}"),),
        unit="count",
        description="",
        **more,  # type: ignore[arg-type]
    )
    lines = (
        Line("/a", 0, series({"le": "1.0"}, *((at, 2.0) for at in range(0, 3601, 600)))),
        Line("/b", 0, series({"le": "+Inf"}, (0, 3.0), (1200, 5.0))),
    )
    return PanelView(panel, lines, ())


def test_a_route_has_one_colour_in_every_chart_and_no_other_has_it(strange: str) -> None:
    """However long their names are: a legend of equal colours says nothing."""
    (*several,) = looks(strange).values()
    assert {len(look) for look in several} == {1}
    assert len(set.union(*several)) == len(STRANGE)

    styles = NameStyles()
    asked = [styles.of("route", f"/{number}") for number in range(28)]
    assert len(set(asked)) == 28
    assert [styles.of("route", f"/{number}") for number in range(28)] == asked


def test_axes_show_0_2_and_not_200m(strange: str) -> None:
    """Half an event a second is not 500 thousandths of one; a megabyte is no power of ten."""
    for figure in figures(strange):
        for axis in ("xaxis", "yaxis"):
            assert not figure["layout"].get(axis, {}).get("tickformat", "").endswith("s")
    assert "e+0" not in strange.partition("<body>")[2].partition("<script>")[0]


def test_an_axis_shows_the_threshold_and_the_range_that_matters() -> None:
    """As in Grafana: up to the lowest threshold above; a share that is near 1 begins near 1."""
    high = replace(view(), limits=(Limit("A", ">", 20, "warning"),))
    near_one = view(minimum=None, soft_minimum=0.98)
    styles = NameStyles()

    def included(one: PanelView) -> object:
        figure = panel_chart(one, HOUR, styles)
        assert figure is not None
        return figure["layout"]["yaxis"].get("autorangeoptions")  # type: ignore[attr-defined]

    assert included(high) == {"include": [22]}
    assert included(near_one) == {"include": [0.98]}
    assert included(view(minimum=None)) is None


def test_bars_have_the_colours_of_their_values() -> None:
    """A bar beyond an alert's threshold is that of its severity, a named one its own."""
    one = replace(
        view("bargauge", colours={"/a": "client"}), limits=(Limit("A", ">", 4, "critical"),)
    )

    figure = panel_chart(one, HOUR, NameStyles())

    assert figure is not None
    marker = figure["data"][0]["marker"]
    assert marker == {"color": [HUES["client"], HUES["bad"]]}


def test_a_gap_stays_a_gap() -> None:
    """A time without a value is not drawn as a line from one point to the next."""
    chart = panel_chart(view(), HOUR, NameStyles())

    assert chart is not None
    whole, few = chart["data"]
    assert whole["y"] == [2.0] * 7
    assert few["y"] == [3.0, None, 5.0, None, None, None, None]
    assert (whole["mode"], few["mode"]) == ("lines", "lines+markers")


def test_a_heatmap_shows_what_lies_between_two_buckets() -> None:
    """Prometheus' buckets hold all that is below."""
    chart = panel_chart(view("heatmap"), HOUR, NameStyles())

    assert chart is not None
    (trace,) = chart["data"]
    assert trace["y"] == ["≤ 1", "more"]
    assert [row[0] for row in trace["z"]] == [2.0, 1.0]


def test_numbers_and_tables_have_no_chart() -> None:
    """They are shown as text; so is a panel that was not answered."""
    for kind in ("stat", "gauge", "table"):
        assert panel_chart(view(kind), HOUR, NameStyles()) is None
    assert panel_chart(replace(view(), lines=()), HOUR, NameStyles()) is None
