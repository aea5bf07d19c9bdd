"""Parameters: one small JSON object or query, read within bounds."""

import asyncio
from typing import Any

import pytest

from tests.support.scripted_endpoint import (
    CREATE,
    endpoint,
    words,
)
from tests.support.virtual import Visit, run


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[1]", 400),
        (b'"text"', 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 5000, 400),
        (b"x" * 9000, 413),
        (b'{"a": 1}', 201),
        (b"", 201),
    ],
)
def test_parameters_are_one_small_json_object(body: bytes, status: int) -> None:
    """Anything else is refused in one line, and no producer starts."""

    async def main() -> None:
        script = words(1)
        app = endpoint(script)
        visit = await Visit(app, CREATE, method="POST", body=body).ended()
        await asyncio.sleep(0)

        assert visit.status == status
        assert visit.body.count(b"\n") <= 1
        assert len(script.calls) == (status == 201)
        await app.aclose()

    run(main())


def test_a_body_that_never_ends_is_not_waited_for() -> None:
    """Ten seconds for some kilobytes, then the request is let go."""

    async def main() -> None:
        app = endpoint()
        sent: list[dict[str, Any]] = []

        async def trickle() -> dict[str, Any]:
            await asyncio.sleep(3)
            return {"type": "http.request", "body": b" ", "more_body": True}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": CREATE, "headers": []}
        await app(scope, trickle, send)

        assert sent[0]["status"] == 408

    run(main())
