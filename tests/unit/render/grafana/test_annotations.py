"""Marks on every graph: where an alert began, where a process started."""

from tests.support.rendered import BOARDS


def test_marks_show_firing_alerts_and_restarts() -> None:
    """Every graph says what fired and when a process started, without the instance variable."""
    marks = BOARDS["stall-detection"]["annotations"]["list"][1:]

    assert [mark["name"] for mark in marks] == ["Firing alerts", "Restarts"]
    assert marks[0]["expr"].count('route=~"$route|"') == 2
    assert all('job=~"$job"' in mark["expr"] for mark in marks)
    assert not any("$instance" in mark["expr"] for mark in marks)


def test_an_alert_is_marked_where_it_began() -> None:
    """Grafana tints a graph for as long as a mark lasts, and ten that last paint it red."""
    mark = BOARDS["stream-health"]["annotations"]["list"][1]

    before, word, after = mark["expr"].partition(" unless ")

    assert word
    assert after == before.replace("})", "} offset $__interval)")


def test_grafana_finds_the_query_of_a_mark_in_every_version() -> None:
    """Early releases of 11 read it from the mark itself, later ones from its target."""
    for board in BOARDS.values():
        for mark in board["annotations"]["list"][1:]:
            assert mark["target"] == {
                "expr": mark["expr"],
                "interval": mark["step"],
                "refId": "Anno",
            }
