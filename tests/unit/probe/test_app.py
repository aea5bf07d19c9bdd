"""The prober's pages: each answer is one line or Prometheus text, and nothing breaks them."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sse_observe.probe.prober import Prober
from tests.support.probing import FEED, Page, opened, probed, written
from tests.support.raw_answers import HEAD, LAST, answering, chunk

GOOD = (HEAD, chunk(b"id: 1\ndata: a\n\n"), chunk(b"id: 2\ndata: b\n\n"), LAST)


def page(path: Path, url: str, **how: object) -> Page:
    """Open one page of a new prober."""
    return asyncio.run(opened(Prober(path), url, **how))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "method", "status"),
    [
        ("/", "GET", 200),
        ("/-/healthy", "HEAD", 200),
        ("/metrics", "GET", 200),
        ("/metrics", "POST", 405),
        ("/-/reload", "GET", 405),
        ("/-/reload", "POST", 200),
        ("/nosuch", "GET", 404),
        ("/probe", "GET", 400),
        ("/probe?target=", "GET", 400),
        ("/probe?target=a", "GET", 403),
        ("/probe?" + "a=1&" * 20, "GET", 400),
        ("/probe?target=" + "a" * 5000, "GET", 414),
    ],
)
def test_every_page_answers(tmp_path: Path, url: str, method: str, status: int) -> None:
    """A page that changes something is asked by POST alone: no link and no image does it."""
    assert page(written(tmp_path), url, method=method).status == status


def test_a_probe_is_exported_with_the_name_of_its_target(tmp_path: Path) -> None:
    """No part of the URL's query is a label; the phases, the checks and the events are there."""
    with answering(*GOOD) as server:
        signed = server.url.replace("http://", "http://me:verysecret@")
        targets = [{"url": f"{signed}?key=verysecret", "module": "feed"}]
        found = probed(written(tmp_path, targets=targets), server.url)

    assert found.value("sse_probe_success", target=server.url, module="feed") == 1
    assert found.value("sse_probe_events") == 2
    assert found.value("sse_probe_phase_seconds", phase="headers") is not None
    assert found.value("sse_probe_check", check="answer") == 1
    assert "verysecret" not in found.text


def test_what_a_scrape_has_no_time_for_is_cut_short(tmp_path: Path) -> None:
    """Prometheus says how long it waits; an answer that is later is lost."""
    modules = {"feed": {"seconds": 30, "timeout_seconds": 60}}
    with answering(HEAD, chunk(b"data: a\n\n"), 30.0) as server:
        path = written(
            tmp_path, modules=modules, targets=[{"name": "a", "url": server.url, "module": "feed"}]
        )
        headers = {"X-Prometheus-Scrape-Timeout-Seconds": "2"}
        found = page(path, "/probe?target=a", headers=headers)

    duration = found.value("sse_probe_duration_seconds")
    assert found.value("sse_probe_success") == 1
    assert duration is not None
    assert duration < 2


def test_two_probes_of_one_target_are_not_made_at_once(tmp_path: Path) -> None:
    """Two Prometheus servers, or an impatient person, double no load."""
    with answering(HEAD, 0.5, LAST) as server:
        path = written(tmp_path, targets=[{"name": "a", "url": server.url, "module": "feed"}])

        async def run() -> list[Page]:
            prober = Prober(path)
            both = (opened(prober, "/probe?target=a") for _ in range(2))
            pages = await asyncio.gather(*both)
            return [*pages, await opened(prober, "/metrics")]

        first, second, own = asyncio.run(run())

    assert (first.status, second.status) == (200, 503)
    assert "under way" in second.text
    assert own.value("sse_probe_runs_total", result="skipped") == 1
    assert len(server.requests) == 1


def test_a_spent_budget_asks_nothing(tmp_path: Path) -> None:
    """It is exported, and a budget that is spent is no failure of the target."""
    chat = {
        "method": "POST",
        "body": "{}",
        "protocol": "openai-chat",
        "budget": {"requests_per_day": 1, "tokens_per_day": 10},
    }
    answer = chunk(b'data: {"choices": [{"delta": {"content": "a"}}]}\n\ndata: [DONE]\n\n')
    with answering(HEAD, answer, LAST) as server:
        path = written(
            tmp_path,
            modules={"chat": chat},
            targets=[{"name": "a", "url": server.url, "module": "chat"}],
            state_file=str(tmp_path / "state"),
        )

        async def run() -> list[Page]:
            prober = Prober(path)
            urls = ("/probe?target=a", "/probe?target=a", "/metrics")
            return [await opened(prober, url) for url in urls]

        first, second, own = asyncio.run(run())

    assert first.value("sse_probe_success") == 1
    assert (second.status, len(server.requests)) == (503, 1)
    assert "the budget of chat is spent" in second.text
    assert own.value("sse_probe_budget_used", unit="requests") == 1
    assert own.value("sse_probe_budget_limit", unit="tokens") == 10
    assert own.value("sse_probe_runs_total", result="failure") == 0


def test_a_wrong_file_leaves_the_old_one_in_use(tmp_path: Path) -> None:
    """The answer says what is wrong, and a metric says it until it is mended."""
    target = {"name": "a", "url": "http://127.0.0.1:1/", "module": "feed"}
    path = written(tmp_path, targets=[target])

    async def run() -> list[Page]:
        prober = Prober(path)
        written(tmp_path, targets=[{**target, "module": "no"}])
        wrong = await opened(prober, "/-/reload", method="POST")
        still = await opened(prober, "/probe?target=a")
        own = await opened(prober, "/metrics")
        written(tmp_path, targets=[{**target, "name": "b"}])
        mended = await opened(prober, "/-/reload", method="POST")
        gone = await opened(prober, "/probe?target=a")
        return [wrong, still, own, mended, gone]

    wrong, still, own, mended, gone = asyncio.run(run())

    assert (wrong.status, mended.status) == (500, 200)
    assert "'no' is not among the modules" in wrong.text
    assert (still.status, gone.status) == (200, 403)
    assert own.value("sse_probe_config_success") == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(["GET", "POST", "BREW"]))
def test_no_request_breaks_it(tmp_path: Path, path: str, query: str, method: str) -> None:
    """Whoever reaches the port gets a line."""
    found = page(written(tmp_path), f"/{path}?target={query}", method=method)

    assert found.status in (200, 400, 403, 404, 405)


def test_everything_that_is_exported_is_declared(tmp_path: Path) -> None:
    """The vocabulary of the rules and the boards is that of the exporter."""
    from sse_observe.metrics import METRICS

    with answering(*GOOD) as server:
        targets = [{"name": "a", "url": server.url, "module": "feed", "interval": 60}]
        path = written(tmp_path, modules={"feed": {**FEED, "resume": True}}, targets=targets)

        async def run() -> str:
            prober = Prober(path)
            await opened(prober, "/probe?target=a")
            return (await opened(prober, "/metrics")).text

        text = asyncio.run(run())

    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE sse_")}
    probe = {name for name, metric in METRICS.items() if metric.source == "probe"}
    assert names <= {*probe, "sse_build_info"}
    absent = {
        "sse_probe_certificate_expiry_timestamp_seconds",
        *("sse_probe_budget_used", "sse_probe_budget_limit"),
    }
    assert probe - names == absent
