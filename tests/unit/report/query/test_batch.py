"""Batches of queries: what becomes of a source that is away or slow, and how failures are kept."""

import socket

from sse_observe.report.query.batch import BatchRunner, NamedQuery
from sse_observe.report.query.source import Source
from tests.support.report_source import NOW, FakePrometheus


def test_a_source_that_went_away_is_not_asked_to_the_end() -> None:
    """After a few queries without any answer the rest is named, not waited for."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    runner = BatchRunner(Source(url))
    queries = [NamedQuery(f"q{number}", "up", at=NOW) for number in range(50)]

    answers = runner.run(queries)

    assert all(answer.series == () for answer in answers.values())
    assert len(runner.failures) == 50
    given_up = [one for one in runner.failures if "not asked" in one.reason]
    assert len(given_up) >= 40


def test_batches_have_an_end_in_time() -> None:
    """A source that is slow with every query does not hold a terminal for an hour."""
    now = iter(range(0, 10_000, 200))
    with FakePrometheus([("", [({}, 1.0)])]) as fake:
        runner = BatchRunner(Source(fake.url), clock=lambda: next(now))
        runner.run([NamedQuery(f"q{number}", "up", at=NOW) for number in range(6)])

    assert [one.reason for one in runner.failures][-1].startswith(
        "not asked: the time limit of 300 s"
    )
    assert 0 < len(fake.asked) < 6


def test_a_failure_is_kept_by_name_and_the_progress_counts_it() -> None:
    """One refused query leaves the answers of the others, and nobody waits for its count."""
    counts: list[int] = []
    with FakePrometheus([("", [({}, 1.0)])], refuse={"bad": (422, '{"error":"no"}')}) as fake:
        runner = BatchRunner(Source(fake.url), counts.append)
        answers = runner.run([NamedQuery(name, name, at=NOW) for name in ("good", "bad", "fine")])

    by_name = {query.name: answer for query, answer in answers.items()}
    assert [name for name, answer in by_name.items() if answer.answered] == ["good", "fine"]
    assert [(one.name, one.reason) for one in runner.failures] == [
        ("bad", f"{fake.url}: answers 422: no")
    ]
    assert counts == [1, 2, 3]
