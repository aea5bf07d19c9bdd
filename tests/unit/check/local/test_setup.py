"""The set-up of a service's own middleware: each mistake of a newcomer is named."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route

from sse_observe import SSEObserveMiddleware, StreamRoute, beacon_app
from sse_observe.asgi import App, Receive, Scope, Send
from sse_observe.beacon.tokens import SECRET_VARIABLE
from sse_observe.catalog.load import load
from sse_observe.check.local.facts import Facts, read
from sse_observe.check.local.setup import CHECKS, judge
from sse_observe.registry import SSEMetrics
from sse_observe.registry.multiprocess import MULTIPROC_DIR


class BrotliMiddleware:
    """A compressor that leaves nothing alone."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer nobody."""


def service(*middleware: Middleware) -> Starlette:
    routes = [Route("/chat/{id}", nothing), Mount("/sse", beacon_app())]
    return Starlette(routes=routes, middleware=list(middleware))


def ours(**options: object) -> Middleware:
    return Middleware(SSEObserveMiddleware, **options)


DECLARED = {"/chat/{id}": StreamRoute()}


def results(facts: Facts, path: str = "/chat/7", workers: int = 1) -> dict[str, str]:
    return {one.check.id: one.finding.result for one in judge(facts, path, workers)}


def test_a_right_set_up_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Once, declared, nothing inside that compresses, and several workers prepared for."""
    monkeypatch.setenv(MULTIPROC_DIR, str(tmp_path))
    monkeypatch.setenv(SECRET_VARIABLE, "x" * 32)

    found = results(read(service(Middleware(GZipMiddleware), ours(routes=DECLARED))), workers=4)

    assert set(found.values()) == {"pass"}


@pytest.mark.parametrize(
    ("application", "check", "result"),
    [
        (service(), "S1", "warn"),
        (service(ours(), ours()), "S1", "warn"),
        (service(ours(routes=DECLARED), Middleware(BrotliMiddleware)), "S2", "fail"),
        (service(Middleware(BrotliMiddleware), ours(routes=DECLARED)), "S2", "pass"),
        (service(ours()), "S3", "warn"),
        (service(ours(routes={"/typo/{id}": StreamRoute()})), "S3", "warn"),
    ],
)
def test_a_mistake_is_named(application: Starlette, check: str, result: str) -> None:
    """Absent, twice, outside of a compressor, not declared, declared with a typing error."""
    assert results(read(application))[check] == result


def test_several_workers_need_a_folder_and_a_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without them each scrape sees one worker, and reports are refused by the others."""
    monkeypatch.delenv(MULTIPROC_DIR, raising=False)
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    facts = read(service(ours(routes=DECLARED)))

    alone, several = results(facts), results(facts, workers=2)
    assert (alone["S4"], alone["S5"]) == ("pass", "pass")
    assert (several["S4"], several["S5"]) == ("fail", "fail")

    (tmp_path / "old.db").touch()
    for folder, result in ((str(tmp_path / "none"), "fail"), (str(tmp_path), "warn")):
        monkeypatch.setenv(MULTIPROC_DIR, folder)
        assert results(facts, workers=2)["S4"] == result


def test_a_plain_application_is_looked_into_as_far_as_it_shows() -> None:
    """A wrapper keeps what it wraps; a function shows nothing, and is not accused."""
    observed = SSEObserveMiddleware(nothing, routes=DECLARED, metrics=SSEMetrics())

    assert results(read(observed))["S1"] == "pass"
    assert results(read(observed))["S3"] == "pass"
    assert results(read(nothing))["S1"] == "not_asked"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_each_remedy_is_a_section_of_a_runbook(check: object) -> None:
    """Whoever follows the line finds the heading."""
    remedy = check.remedy  # type: ignore[attr-defined]
    [page] = [alert for alert in load().alerts if alert.name == remedy.runbook]

    assert f"## {remedy.section}\n" in page.prose
