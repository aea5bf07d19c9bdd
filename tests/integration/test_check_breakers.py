"""Every check before a server that is all right, and one that breaks exactly that check."""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache

import pytest

from sse_observe.check.asking.exchange import Asking
from sse_observe.check.asking.question import Question
from sse_observe.check.checks import every
from sse_observe.check.doctor import Doctor, Examination
from sse_observe.check.model import Flag, Options
from tests.apps.broken_streams import FAULTS, ORIGIN, application
from tests.support.servers import serve

pytestmark = [pytest.mark.slow, pytest.mark.long]

NEEDS_A_HOP = {"D8"}
"""No server alone can break it; `test_check_hops.py` does, before real proxies."""
FLAGS: Mapping[str, frozenset[Flag]] = {
    check.id: frozenset({check.flag} if check.flag else ()) for check in every()
}
ALONE = ("D20", "D21", "D23")
"""They read the metrics of a whole server, or load it."""
EVERYTHING: frozenset[Flag] = frozenset(
    {"resume", "hostile_cursors", "parallel", "slow_reader", "origin", "metrics"}
)


def doctor(base: str, name: str, flags: frozenset[Flag], method: str = "GET") -> Doctor:
    """Return the examination of one path, with what its check must be asked for with."""
    metrics = "/unbounded" if name == "D23" else "/metrics"
    options = Options(
        watch_seconds=12 if name == "D15" else 3,
        origin=ORIGIN if "origin" in flags else None,
        metrics=Question(url=f"{base}{metrics}") if "metrics" in flags else None,
        flags=flags,
        repeat=method != "GET",
    )
    return Doctor(Question(url=f"{base}/{name}", method=method), options, Asking())


async def examined(base: str, names: list[str], method: str) -> dict[str, Examination]:
    """Examine several paths of one server at once."""
    runs = [doctor(base, name, FLAGS.get(name, frozenset()), method).run() for name in names]
    return dict(zip(names, await asyncio.gather(*runs), strict=True))


@cache
def examinations(method: str) -> dict[str, Examination]:
    """Return the examination of each broken server, all made at once."""
    together = [name for name in FAULTS if name not in ALONE]
    # What is read from a server's metrics does not depend on the method.
    servers = [together, *([[name] for name in ALONE] if method == "GET" else [])]

    async def all_at_once() -> dict[str, Examination]:
        runs = [examined(base, names, method) for base, names in zip(bases, servers, strict=True)]
        return {name: one for part in await asyncio.gather(*runs) for name, one in part.items()}

    with ExitStack() as stack:
        bases = [stack.enter_context(serve(application())) for _ in servers]
        return asyncio.run(all_at_once())


def complaints(examination: Examination) -> dict[str, str]:
    """Return the checks that did not pass, with their evidence."""
    return {
        one.check.id: one.finding.evidence
        for one in examination.checked
        if one.finding.result in ("warn", "fail")
    }


def test_every_check_has_its_breaker() -> None:
    """A new check is given a server that breaks it, or this fails."""
    assert {check.id for check in every()} == FAULTS.keys() | NEEDS_A_HOP


@pytest.mark.parametrize("name", FAULTS)
def test_a_server_that_breaks_one_check_is_found_out(name: str) -> None:
    """The check that is broken complains, with evidence and a remedy, and no other does."""
    found = examinations("GET")[name]
    [broken] = [one for one in found.checked if one.check.id == name]

    assert complaints(found).keys() == {name}, complaints(found)
    assert broken.finding.evidence
    assert broken.remedy.words


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ALONE])
def test_a_post_is_checked_like_a_get(name: str) -> None:
    """The same faults are found; only that nobody caches a POST is no fault."""
    found = examinations("POST")[name]

    assert complaints(found).keys() == {name} - {"D19"}, complaints(found)


def test_a_server_that_does_everything_right_is_left_alone() -> None:
    """Asked everything, it gets no complaint, and every check that can be asked has passed."""
    with serve(application()) as base:
        found = asyncio.run(doctor(base, "healthy", EVERYTHING).run())

    assert complaints(found) == {}
    unasked = {one.check.id for one in found.checked if one.finding.result == "not_asked"}
    assert unasked <= {"D8", "D9", "D10", "D15"}


def test_a_healthy_endpoint_takes_five_seconds_and_few_requests() -> None:
    """By default a check is short, and asks no more often than it says."""
    with serve(application()) as base:
        asked = doctor(base, "healthy", frozenset())
        most = sum(one.requests for one in asked.plan())
        found = asyncio.run(asked.run())

    assert found.seconds <= 5
    assert found.requests <= most <= 5
    assert found.exit_code == 0


def test_a_post_is_put_once_unless_it_is_allowed() -> None:
    """Nothing but GET and HEAD is repeated: whoever pays for answers pays for one."""
    asked: list[str] = []
    inner = application()

    async def counting(scope, receive, send):
        asked.append(scope.get("method", ""))
        await inner(scope, receive, send)

    with serve(counting) as base:
        once = Doctor(Question(url=f"{base}/healthy", method="POST"), Options(), Asking())
        found = asyncio.run(once.run())

    assert asked.count("POST") == 1
    assert complaints(found) == {}
