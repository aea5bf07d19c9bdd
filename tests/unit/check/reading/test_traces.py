"""Hops that an answer's headers give away."""

import pytest

from sse_observe.check.reading.traces import traces
from sse_observe.check.remedies import fix_texts
from tests.support.check_recordings import recording


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"server": "nginx/1.22.1"}, "nginx"),
        ({"server": "Caddy"}, "Caddy"),
        ({"x-varnish": "32770"}, "Varnish"),
        ({"via": "1.1 varnish (Varnish/7.1)"}, "Varnish"),
        ({"cf-ray": "8a1-FRA", "server": "cloudflare"}, "Cloudflare"),
        ({"x-powered-by": "Next.js"}, "Next.js"),
        ({"via": "1.1 google"}, "Google Cloud balancer"),
        ({"server": "awselb/2.0"}, "AWS ALB"),
    ],
)
def test_a_hop_is_known_by_its_headers(headers: dict[str, str], name: str) -> None:
    """Each hop once, with the header that shows it."""
    [found] = traces(recording(headers=headers))

    assert found.name == name


def test_a_server_of_an_application_is_no_hop() -> None:
    """A server that answers by itself is not on the way."""
    assert traces(recording(headers={"server": "uvicorn"})) == []


def test_every_named_fix_exists() -> None:
    """A hop's fix is a file of the catalogue."""
    from sse_observe.check.reading.traces import _SIGNS

    assert all(fix_texts({sign.fix for sign in _SIGNS if sign.fix}).values())
