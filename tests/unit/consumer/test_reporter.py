"""The word that a stream is still read: each minute, while there is a connection."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sse_observe.consumer import Request, Response
from sse_observe.errors import SettingsError
from tests.support.scripted_server import DONE, HANG, URL, Answer, Reading, Server, hello, payload
from tests.support.virtual import now, run


class Service(Server):
    """A scripted server with a beacon, which answers `status` and remembers its reports."""

    def __init__(self, *script: Answer | Exception, status: int = 204) -> None:
        super().__init__(*script)
        self.status = status
        self.error: Exception | None = None
        self.reports: list[tuple[float, Request]] = []

    @asynccontextmanager
    async def __call__(self, request: Request) -> AsyncIterator[Response]:
        if request.method == "GET":
            async with super().__call__(request) as response:
                yield response
            return
        self.reports.append((now(), request))
        if self.error is not None:
            raise self.error
        yield Response(self.status, {}, self._chunks(Answer()))

    @property
    def bodies(self) -> list[dict[str, object]]:
        """The reports themselves."""
        return [json.loads(request.body or b"") for _, request in self.reports]


def greeting(token: str) -> bytes:
    return hello(report_token=token, heartbeat_seconds=10)


def beats(count: int) -> list[bytes | float]:
    return [step for _ in range(count) for step in (20.0, b": beat\n\n")]


def test_it_reports_each_minute_at_the_latest_and_stops_with_the_stream() -> None:
    """A half to a whole minute apart, with the token of the stream, and nothing after its end."""
    service = Service(Answer(greeting("t"), payload(0), *beats(15), DONE))

    async def main() -> None:
        await Reading(service, report_to="/sse/deltas", headers={"Authorization": "a"}).all()
        count = len(service.reports)
        await asyncio.sleep(600)
        assert len(service.reports) == count

    run(main())
    assert service.bodies == [{"token": "t", "n": n} for n in range(1, 7)]
    _, request = service.reports[0]
    assert request.url == "http://server.test/sse/deltas"
    assert request.headers == {"Authorization": "a", "Content-Type": "application/json"}
    assert not request.foreign


def test_it_reports_nothing_unless_it_is_told_where_and_has_a_token() -> None:
    """A server that knows nothing of us is not asked for anything."""
    silent = Service(Answer(greeting("t"), *beats(15), DONE))
    nameless = Service(Answer(hello(), *beats(15), DONE))

    async def main() -> None:
        await Reading(silent).all()
        await Reading(nameless, report_to="/sse/deltas").all()

    run(main())
    assert silent.reports == nameless.reports == []


def test_after_another_connection_it_says_which_one_is_over() -> None:
    """The one before may be held open by a proxy for ever. In between it says nothing."""
    lost = Answer(greeting("one"), payload(0), *beats(3), ConnectionResetError("cut"))
    late = Answer(greeting("two"), payload(1), *beats(6), DONE, after=5)
    service = Service(lost, late)

    run(Reading(service, report_to="/sse/deltas").all())
    assert service.bodies == [
        {"token": "one", "n": 1},
        {"token": "two", "n": 2, "earlier": ["one"]},
        {"token": "two", "n": 3},
    ]


@pytest.mark.parametrize("failure", [503, 429, ConnectionResetError("gone")])
def test_a_report_that_was_not_taken_keeps_its_number(failure: int | Exception) -> None:
    """The next one is no second report, and the stream does not notice."""
    service = Service(Answer(greeting("t"), payload(0), *beats(9), DONE))
    if isinstance(failure, int):
        service.status = failure
    else:
        service.error = failure
    reading = Reading(service, report_to="/sse/deltas")

    run(reading.all())
    assert {report["n"] for report in service.bodies} == {1}
    assert len(service.bodies) == 4
    assert reading.got == ["w0"]


def test_where_no_beacon_is_it_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    """And asks no more on that connection."""
    service = Service(Answer(greeting("t"), *beats(9), DONE), status=404)

    with caplog.at_level(logging.WARNING, logger="sse_observe"):
        run(Reading(service, report_to="/sse/deltas").all())

    assert len(service.reports) == 1
    assert caplog.messages == [
        "http://server.test/sse/deltas: no beacon_app() there; set report_to"
    ]


def test_another_origin_gets_the_report_and_nothing_of_the_callers() -> None:
    """A password for the stream is none of the beacon's."""
    service = Service(Answer(greeting("t"), *beats(3), DONE))
    headers = {"Authorization": "secret"}

    run(Reading(service, report_to="https://other.test/deltas", headers=headers).all())
    _, request = service.reports[0]
    assert request.foreign
    assert request.headers == {"Content-Type": "application/json"}


def test_a_closed_stream_leaves_no_task_behind() -> None:
    """Whoever gives a stream up reports no more."""
    service = Service(Answer(greeting("t"), payload(0), HANG))

    async def main() -> set[str]:
        reading = Reading(service, report_to="/sse/deltas")
        await anext(reading.stream)
        await reading.stream.aclose()
        return {task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}}

    assert run(main()) == set()


@pytest.mark.parametrize("report_to", ["", 7, "ftp://h/deltas", "http://host:port/"])
def test_a_place_that_nobody_can_ask_is_refused(report_to: object) -> None:
    """At once, and in one line."""
    with pytest.raises(SettingsError) as error:
        Reading(Server(), URL, report_to=report_to)

    assert "\n" not in str(error.value)
