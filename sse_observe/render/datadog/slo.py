"""The SLO object of completion: good and all streams, over a window that Datadog keeps."""

from sse_observe.catalog.datadog import Form, forms
from sse_observe.errors import SettingsError
from sse_observe.render.banner import banner
from sse_observe.render.datadog.query import JSON, query
from sse_observe.render.target import Rendering

WINDOWS = ("7d", "30d", "90d")
_COMPLETION = "route:sse_stream_completion:ratio_rate1h"


def slo(rendering: Rendering) -> JSON:
    """Return the object; SettingsError where Datadog keeps no such window."""
    objectives = rendering.settings.objectives
    if objectives.window not in WINDOWS:
        raise SettingsError(
            f"{rendering.source}: objectives.window: {objectives.window}: Datadog keeps SLOs over "
            f"{', '.join(WINDOWS)}; choose one, or leave out the target datadog"
        )
    form = forms(rendering.catalog.signals)[_COMPLETION]
    if not isinstance(form, Form):
        raise TypeError(form.text)
    good, judged = (query(term, "*", ()) for term in form.terms)
    return {
        "name": "SSE streams reach their end",
        "description": f"{form.differs} {banner('sse_observe/catalog/')}",
        "type": "metric",
        "query": {"numerator": good, "denominator": judged},
        "thresholds": [
            {"timeframe": objectives.window, "target": round(100 * objectives.completion, 6)}
        ],
        "tags": ["sse-observe"],
    }
