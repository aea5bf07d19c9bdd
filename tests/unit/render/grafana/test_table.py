"""Tables: a value has the colour that it has on the first row."""

from tests.support.rendered import panel, steps


def test_a_routes_budget_is_judged_as_on_the_first_row() -> None:
    """Red below nothing, orange below a quarter: one number has one colour."""
    [look] = [
        one["properties"]
        for one in panel("stream-health", "Routes")["fieldConfig"]["overrides"]
        if one["matcher"]["options"] == "Budget left"
    ]
    stat = steps(panel("stream-health", "Budget left"))
    table = next(p["value"]["steps"] for p in look if p["id"] == "thresholds")

    assert table[:-1] == stat[:-1]
    assert table[-1] == {"value": stat[-1]["value"], "color": "text"}
    assert not [p for p in look if p["id"] == "color"]
