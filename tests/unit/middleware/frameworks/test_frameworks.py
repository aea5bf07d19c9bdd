"""Which framework is read or asked; each one's own tests stand beside."""

import subprocess
import sys

import pytest

from sse_observe import SSEObserveMiddleware
from sse_observe.metrics import OTHER
from sse_observe.middleware.frameworks import Frameworks
from tests.apps.framework_apps import raw
from tests.support.asgi import drive, http_scope, value
from tests.support.route_label import route_label


def test_application_without_a_framework_has_no_template(metrics):
    """Nothing is guessed from a path."""
    assert route_label(metrics, raw, "/chat/7", root="/behind") == OTHER


def test_no_framework_is_loaded_by_asking():
    """The runtime reads and asks what the application has loaded; it never loads one itself."""
    code = (
        "import sys; from tests.support.asgi import drive, http_scope;"
        "from sse_observe import SSEObserveMiddleware;"
        "from tests.apps.framework_apps import raw;"
        "drive(SSEObserveMiddleware(raw), http_scope('/x', root_path='/y'));"
        "frameworks = {'starlette', 'fastapi', 'django', 'litestar', 'quart', 'flask',"
        "              'werkzeug', 'blacksheep'};"
        "print(*sorted(frameworks & {name.split('.')[0] for name in sys.modules}))"
    )

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == ""


def test_a_root_path_that_no_mount_explains_is_the_application_itself():
    """A middleware of somebody else may write what it likes there."""
    found = Frameworks(raw).template(http_scope("/x", root_path="/strange"), "")

    assert found is None


@pytest.mark.parametrize(
    "name", ["starlette.template", "starlette.mounts", "router.layers_of", "werkzeug.router_of"]
)
def test_a_slip_of_ours_costs_the_stream_nothing(metrics, monkeypatch, name):
    """The answer is the application's own, and the error is counted."""

    def fail(*args):
        raise RuntimeError(name)

    app = SSEObserveMiddleware(raw, metrics=metrics)
    monkeypatch.setattr(f"sse_observe.middleware.frameworks.{name}", fail)
    monkeypatch.setattr("sse_observe.middleware.frameworks.frameworks._KINDS", (fail,))

    sent = drive(app, http_scope("/x", route=object()))

    assert [message["type"] for message in sent] == ["http.response.start"] + [
        "http.response.body"
    ] * 2
    assert value(metrics, "sse_observer_faults_total", where="middleware") == 1
