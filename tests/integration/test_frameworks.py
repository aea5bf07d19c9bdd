"""Frameworks under real servers: each stream is counted under its template, at most fifty."""

import re
from collections import Counter

import pytest
import requests

from sse_observe.metrics import OTHER
from tests.apps.framework_apps import TEMPLATES
from tests.support.asgi_servers import serving
from tests.support.waiting import wait_until

OPENED = re.compile(r'^sse_streams_opened_total\{.*?route="([^"]*)".*?\} ([\d.]+)$', re.MULTILINE)
PAIRS = [
    *((framework, "uvicorn-httptools") for framework in TEMPLATES),
    ("quart", "hypercorn"),
    ("django", "uvicorn-h11"),
    ("litestar", "granian"),
    ("blacksheep", "hypercorn"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("framework", "server"), PAIRS)
def test_streams_of_a_framework_have_its_templates(framework, server, tmp_path):
    """The label says what server and framework of the user make of a path."""
    expected = Counter(TEMPLATES[framework].values())
    app, env = "tests.apps.framework_apps:observed", {"FRAMEWORK": framework}
    with serving(server, app, tmp_path / "log", env) as url:
        for path in TEMPLATES[framework]:
            answer = requests.get(url + path, timeout=30)
            assert answer.headers["content-type"].startswith("text/event-stream"), path

        def counted():
            text = requests.get(f"{url}/metrics", timeout=30).text
            return {route: float(n) for route, n in OPENED.findall(text) if float(n)}

        wait_until(lambda: sum(counted().values()) == expected.total())
        assert counted() == expected
        assert len(set(expected) - {OTHER}) <= 50
