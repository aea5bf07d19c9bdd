"""The demonstration: small JSON, at the pace of a language model."""

import json

from sse_observe.reference.demonstration import demonstration
from tests.support.virtual import now, run


def test_it_streams_words_for_a_few_seconds() -> None:
    """Long enough to cut it in the middle, short enough to wait for its end."""

    async def main() -> None:
        began = now()
        payloads = [json.loads(text) async for text in demonstration("id", {})]
        assert all(payload.keys() == {"c"} for payload in payloads)
        assert 2 < now() - began < 10

    run(main())
