"""Names of targets, as an option takes them."""

from sse_observe.render import targets


def test_a_module_gives_its_name_with_hyphens() -> None:
    """`grafana_alerting.py` is asked for as `grafana-alerting`, as an option is written."""
    found = targets.names()

    assert {"prometheus", "kubernetes", "mimir"} <= set(found)
    assert sorted(found) == list(found)
    assert not any("_" in name for name in found)
