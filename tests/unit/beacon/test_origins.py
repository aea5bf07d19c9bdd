"""Origins: whose web pages may report."""

import pytest

from sse_observe.beacon import beacon_app
from sse_observe.errors import SettingsError
from sse_observe.registry import SSEMetrics
from tests.support.reporting import ROUTE, SECRET, post, results


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 204),
        ({"sec-fetch-site": "same-origin", "origin": "https://a.example"}, 204),
        ({"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "https://b.example"}, 403),
        ({"origin": "http://here.example", "host": "here.example"}, 204),
        ({"origin": "http://evil.example", "host": "here.example"}, 403),
        ({"origin": "null", "host": "here.example"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "https://friend.example"}, 204),
    ],
)
def test_only_our_pages_and_declared_origins_may_report(
    headers: dict[str, str], status: int, metrics: SSEMetrics
) -> None:
    """The browser says where a request comes from; no web page can forge that."""
    app = beacon_app(metrics, secret=SECRET, origins=("https://friend.example",))
    token = app.issue(ROUTE, "all", "4g")

    answer = post(app, {"token": token, "n": 1}, headers=headers)

    assert answer.status == status
    friend = headers.get("origin") == "https://friend.example"
    allowed = "https://friend.example" if friend else None
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert results(metrics) == {"accepted" if status == 204 else "bad_origin": 1}


def test_one_origin_without_its_list_is_told(metrics: SSEMetrics) -> None:
    """A text is a sequence too: of letters, none of which is an origin."""
    with pytest.raises(SettingsError, match=r"write origins=\['https://a\.b'\]"):
        beacon_app(metrics, secret=SECRET, origins="https://a.b")
