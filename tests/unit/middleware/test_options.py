"""First mistakes with the middleware: each is one line that says what to write."""

import pytest
from prometheus_client import REGISTRY

from sse_observe import SSEObserveMiddleware
from sse_observe.errors import SettingsError
from tests.support.streaming import EVENT, streaming


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"app": None}, r"None is no ASGI application; write SSEObserveMiddleware\(app\)"),
        ({"metrics": REGISTRY}, r"of type CollectorRegistry, not SSEMetrics; give SSEMetrics\("),
        ({"tcp_info": "yes"}, "tcp_info='yes' is wrong; give True or False"),
        ({"log_ends": 1}, "log_ends=1 is wrong; give True or False"),
        ({"routes": ["/chat"]}, r"routes=\['/chat'\] is wrong; map templates to declarations"),
    ],
)
def test_a_wrong_option_is_one_line(metrics, options, line):
    """An option that cannot be right is refused where it stands, with the remedy."""
    with pytest.raises(SettingsError, match=line):
        SSEObserveMiddleware(**{"app": streaming(EVENT), "metrics": metrics, **options})
