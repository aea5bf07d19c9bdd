"""Our words as Grafana says them: each has a translation."""

from typing import get_args

from sse_observe.catalog.model import COLOURS, Unit
from sse_observe.render.grafana.vocabulary import UNITS, hue, ref_id
from sse_observe.render.palette import HUES
from tests.support import grafana_lint as lint


def test_every_unit_is_one_that_grafana_knows() -> None:
    """A unit without a translation stops the render; one that Grafana does not know is blank."""
    assert set(UNITS) == set(get_args(Unit))
    assert set(UNITS.values()) <= lint.UNITS


def test_every_colour_but_the_plain_one_has_a_hue() -> None:
    """Plain is the reader's own text colour, light or dark."""
    assert {*COLOURS} - HUES.keys() == {"plain"}
    assert hue("plain") == "text"


def test_queries_are_lettered() -> None:
    """Grafana names a panel's queries A, B, C."""
    assert [ref_id(number) for number in range(3)] == ["A", "B", "C"]
