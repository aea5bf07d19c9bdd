"""
`observe_client()`: one line for a client of whatever kind; finds out which kind it is.

Knows the libraries by name, and imports none: whoever has a client has loaded its library.
"""

import re
from typing import TYPE_CHECKING, TypeVar, cast

from sse_observe.errors import SettingsError
from sse_observe.registry import SSEMetrics, chosen_metrics
from sse_observe.upstream import aiohttp_session, httpx_client
from sse_observe.upstream.consumer_transport import observe_transport
from sse_observe.upstream.observer import Upstream
from sse_observe.upstream.tracker import UpstreamTracker

if TYPE_CHECKING:
    from sse_observe.consumer import Transport

Client = TypeVar("Client")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}").fullmatch


def observe_client(
    client: Client, upstream: str, *, metrics: SSEMetrics | None = None, spans: bool = False
) -> Client:
    """
    Count the event streams that a client reads, under the name of their source; return the client.

    `client` is an `httpx.Client` or `AsyncClient`, what stands around one (the SDKs of OpenAI and
    Anthropic), an `aiohttp.ClientSession`, or a transport of `resume_stream`, for which another
    one is returned. Observed again under the same name it stays as it is. `upstream` is a name of
    your own, never a URL. `metrics` are those of the middleware. `spans` begins one OpenTelemetry
    span per stream, where the application has loaded it. Raises SettingsError for another client,
    name or metrics.
    """
    name = _checked(upstream)
    tracker = UpstreamTracker.of(chosen_metrics(metrics, "observe_client"))
    observer = Upstream(tracker, name, spans=spans)
    # An SDK keeps the client that it sends with in this attribute.
    for inner in (client, getattr(client, "_client", None)):
        for library in (httpx_client, aiohttp_session):
            if library.knows(inner):
                library.observe(inner, observer)
                return client
    if callable(client) and not isinstance(client, type):
        return cast(Client, observe_transport(cast("Transport", client), observer))
    raise SettingsError(
        f"observe_client: {type(client).__name__} is no client that can be observed; give that of "
        "httpx, aiohttp, OpenAI or Anthropic, or a transport of resume_stream"
    )


def _checked(name: object) -> str:
    """Return a name that may be a label; SettingsError for any other."""
    if isinstance(name, str) and _NAME(name):
        return name
    raise SettingsError(
        f"observe_client: upstream={str(name)[:80]!r} is wrong; give a name of your own, never a "
        "URL: at most 40 letters, digits and ._-, as in 'openai'"
    )
