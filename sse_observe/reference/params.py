"""
Parameters of a request, read within bounds: from its query, or as JSON from its body.

Knows ASGI messages; knows nothing of streams.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from sse_observe.asgi import Receive, Scope
from sse_observe.reference.replies import RefusedError

Params = Mapping[str, Any]
"""The JSON object, or the query, with which a client created a stream."""

# A body of some kilobytes that takes longer is not being sent in earnest.
_BODY_SECONDS = 10
_MOST_FIELDS = 50


def query_params(scope: Scope, limit: int) -> dict[str, str]:
    """Return the query; of a name that comes twice, the last value."""
    raw = scope.get("query_string", b"")
    if len(raw) > limit:
        raise _too_large(limit)
    try:
        fields = parse_qsl(
            raw.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise RefusedError(400, f"the query has more than {_MOST_FIELDS} fields") from None
    return dict(fields)


async def body_params(receive: Receive, limit: int) -> Params:
    """Return the JSON object that the body holds; an empty body is an empty object."""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            body = await _body(receive, limit)
    except TimeoutError:
        raise RefusedError(408, "the request's body did not arrive in time") from None
    try:
        params = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        params = None
    if not isinstance(params, dict):
        raise RefusedError(400, "the body must be a JSON object of parameters, or empty")
    return params


async def _body(receive: Receive, limit: int) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "the request's body ended early")
        body += bytes(message.get("body", b""))
        # Counted while reading: a declared length may lie, a chunked body declares none.
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return body


def _too_large(limit: int) -> RefusedError:
    return RefusedError(413, f"parameters are limited to {limit} bytes")
