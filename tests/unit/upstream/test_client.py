"""`observe_client`: one line for every client, and a clear one where that cannot be."""

import httpx
import pytest

from sse_observe.errors import SettingsError
from sse_observe.upstream import observe_client
from tests.support.upstreams import ASKS, WHOLE, Body, client, ends, value


class Sdk:
    """Stands around a client of httpx, as vendors' SDKs do."""

    def __init__(self, inner: httpx.Client) -> None:
        self._client = inner


def test_an_sdk_is_observed_at_the_client_that_it_sends_with(metrics) -> None:
    """One line for whoever has an SDK and no client of its own."""
    sdk = Sdk(client(Body(*WHOLE)))
    assert observe_client(sdk, "model", metrics=metrics) is sdk

    sdk._client.post("http://model/", json=ASKS)
    assert ends(metrics) == {"completed": 1, "opened": 1}


@pytest.mark.parametrize("other", [None, 7, "http://model", httpx.Client, object()])
def test_what_is_no_client_is_refused_in_one_line(metrics, other) -> None:
    """It says what can be observed."""
    with pytest.raises(SettingsError, match=r"^observe_client: \w+ is no client .* httpx, aiohttp"):
        observe_client(other, "model", metrics=metrics)


@pytest.mark.parametrize("name", ["https://api.openai.com/v1", "", "a b", "ä", 3, "x" * 41, "-a"])
def test_a_name_is_never_a_url(metrics, name) -> None:
    """A text that would make labels without end is refused at the start."""
    with pytest.raises(SettingsError, match="never a URL"):
        observe_client(client(Body()), name, metrics=metrics)


def test_the_twenty_first_name_is_other(metrics, caplog) -> None:
    """Its streams are counted, and the log says under which name."""
    for number in range(21):
        found = observe_client(client(Body(*WHOLE)), f"model-{number}", metrics=metrics)
        found.post("http://model/", json=ASKS)

    assert ends(metrics, "model-19") == {"completed": 1, "opened": 1}
    assert ends(metrics, "model-20") == {}
    assert ends(metrics, "other") == {"completed": 1, "opened": 1}
    assert "model-20 is upstream number 21" in caplog.text


def test_series_begin_at_zero(metrics) -> None:
    """`increase()` does not see the first event of a series that begins at 1."""
    observe_client(client(Body()), "model", metrics=metrics)

    found = {
        sample.labels["reason"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "sse_upstream_streams_closed_total"
    }
    assert len(found) == 10
    assert value(metrics, "sse_upstream_streams_opened_total", upstream="model") == 0
