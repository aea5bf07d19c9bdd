"""
One rule in all readers: what ends a stream, and what says that it failed.

The recorded streams are judged by the Python client here, by the server in
`tests/integration/test_protocols.py`, and by the browser's client in `tests/js/samples.test.mjs`.
"""

import pytest

from sse_observe.consumer import StreamFailedError
from sse_observe.protocols.model import CONTENT, STOP, TERMINAL
from tests.support.paths import ROOT
from tests.support.samples import Sample, samples
from tests.support.scripted_server import Answer, Reading, Server
from tests.support.virtual import run

READERS = ("tests/integration/test_protocols.py", "tests/js/samples.test.mjs")


def is_over(sample: Sample) -> bool:
    """Return whether the stream itself has said that nothing follows."""

    def last(*kinds: int) -> int:
        found = [at for at, b in enumerate(sample.blocks) if b.meaning and b.meaning & sum(kinds)]
        return found[-1] if found else -1

    return last(TERMINAL, STOP) >= max(last(CONTENT), 0)


def failure(sample: Sample, **request: object) -> tuple[str | None, int]:
    """Read a sample, then 204 where it is asked again; return why it failed, and the requests."""
    headers = {k.decode().lower(): v.decode() for k, v in sample.headers("response")}
    server = Server(Answer(sample.body, headers=headers), Answer(status=204))

    async def main() -> str | None:
        try:
            await Reading(server, **request).all()
        except StreamFailedError as error:
            return error.reason
        return None

    return run(main()), len(server.asked)


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.id)
def test_the_python_client_judges_as_the_others_do(sample: Sample) -> None:
    """A POST is whole where it ends; a GET is asked again unless the stream said it is over."""
    fails = sample.outcome == "error_event"

    assert failure(sample, json={}) == ("error_event" if fails else None, 1)
    again = 1 if fails or is_over(sample) else 2
    assert failure(sample) == ("error_event" if fails else None, again)


def test_every_reader_reads_every_sample() -> None:
    """By the same folder, so that a new sample is judged by all three."""
    for path in READERS:
        assert "samples" in (ROOT / path).read_text()
    assert {one.id for one in samples()} >= {"none/words-that-are-data", "none/done-unnamed"}
