"""The metrics of one registry: at zero from the start, made once."""

import os
import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sse_observe.errors import SettingsError
from sse_observe.metrics import ALL_USERS, METRICS, REASONS
from sse_observe.registry import SSEMetrics, chosen_metrics, default_metrics, registry
from tests.support.asgi import value


def samples(metrics: SSEMetrics) -> dict[str, float]:
    text = generate_latest(metrics.registry).decode()
    return {
        line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if not line.startswith("#")
    }


def test_every_child_with_known_labels_starts_at_zero(metrics: SSEMetrics) -> None:
    """`increase()` over a series that starts at 1 misses the first event."""
    metrics.zero("/chat")
    metrics.zero_segment("/chat", ALL_USERS, "unknown")
    found = samples(metrics)

    for reason in REASONS:
        name = "sse_streams_closed_total"
        key = f'{name}{{network_type="unknown",reason="{reason}",route="/chat",user_segment="all"}}'
        assert found[key] == 0
    assert found['sse_message_loss_total{route="/chat",seen_by="server"}'] == 0


def test_a_source_that_is_off_exports_no_series(metrics: SSEMetrics) -> None:
    """Nobody pays for TCP, replay or client series that nothing feeds."""
    metrics.zero("/chat")
    metrics.zero_segment("/chat", ALL_USERS, "unknown")
    off = [m.name for m in METRICS.values() if m.source in ("replay", "tcp", "client")]
    found = samples(metrics)

    assert [key for key in found if key.startswith(tuple(off))] == []
    assert [key for key in found if 'seen_by="client"' in key] == []


def test_a_registry_holds_the_metrics_once() -> None:
    """A module that is loaded again goes on counting where it counted before."""
    registry = CollectorRegistry()
    first = SSEMetrics(registry)
    first.counter("sse_sent_bytes_total", "/x").inc(3)

    second = SSEMetrics(registry)
    second.counter("sse_sent_bytes_total", "/x").inc(4)

    assert registry.get_sample_value("sse_sent_bytes_total", {"route": "/x"}) == 7
    assert first.attach(dict, dict) is second.attach(dict, dict)
    assert SSEMetrics(CollectorRegistry()).attach(dict, dict) is not first.attach(dict, dict)


def test_an_entry_point_is_given_metrics_or_nothing() -> None:
    """A registry of prometheus_client is an easy mistake: the line says what to write."""
    ours = SSEMetrics(CollectorRegistry())

    assert chosen_metrics(ours, "here") is ours
    assert chosen_metrics(None, "here") is default_metrics()
    with pytest.raises(SettingsError, match=r"^here: metrics is of type CollectorRegistry"):
        chosen_metrics(CollectorRegistry(), "here")


SHARED = """
import os, pathlib, sys
from prometheus_client import CollectorRegistry
from sse_observe.registry import SSEMetrics
directory = pathlib.Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
def show():
    print(sorted(path.name.replace(str(os.getpid()), "ours") for path in directory.iterdir()))
metrics = SSEMetrics(CollectorRegistry())
metrics.zero("/x")
show()
metrics.join()
show()
metrics.serve()
metrics.serve()
show()
"""


@pytest.mark.slow
def test_who_only_reads_leaves_no_file_and_who_joins_only_a_lock(tmp_path) -> None:
    """A scraper beside the workers is none of them; numbers begin where streams are served."""
    done = subprocess.run(
        [sys.executable, "-c", SHARED],
        check=True,
        capture_output=True,
        text=True,
        env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
    )
    kinds = ["counter", "gauge_livemin", "gauge_livesum", "histogram"]
    before, joined, serving = map(eval, done.stdout.splitlines())

    assert before == []
    assert joined == ["sse-observe.ours.lock"]
    assert {f"{kind}_ours.db" for kind in kinds} <= set(serving)


def test_a_child_of_a_process_that_loaded_the_application_states_the_facts_again(
    metrics: SSEMetrics, monkeypatch
) -> None:
    """prometheus_client begins anew in it, and a gauge that is set once would be missing."""
    metrics.state("sse_stream_limit", 5, "/x")
    metrics.serve()
    metrics.gauge("sse_stream_limit", "/x").set(0)
    metrics.serve()
    assert value(metrics, "sse_stream_limit") == 0

    monkeypatch.setattr(os, "getpid", lambda: 1)
    metrics.serve()

    assert value(metrics, "sse_stream_limit") == 5


def test_where_it_may_not_write_nothing_is_counted_and_one_line_says_so(
    tmp_path, monkeypatch, caplog
) -> None:
    """A read-only directory, or another user's, is no reason to end."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    monkeypatch.setattr(registry.liveness, "hold", lambda directory: None)
    metrics = SSEMetrics(CollectorRegistry())

    metrics.serve()
    metrics.serve()
    metrics.counter("sse_sent_bytes_total", "/x").inc()

    assert value(metrics, "sse_sent_bytes_total") == 0
    [record] = caplog.records
    assert f"{tmp_path} may not be written by this process" in record.getMessage()


def test_a_lock_that_cannot_be_had_is_said_and_hinders_nothing(
    tmp_path, monkeypatch, caplog
) -> None:
    """The directory may be full, or gone."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    def refuse(directory):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(registry.liveness, "hold", refuse)
    SSEMetrics(CollectorRegistry()).join()

    assert "no lock: [Errno 28] No space left on device" in caplog.text


def test_a_directory_that_is_named_too_late_is_said(tmp_path, monkeypatch, caplog) -> None:
    """prometheus_client decides when it is loaded; this process would be missing in silence."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(registry.ValueClass, "_multiprocess", False)
    monkeypatch.setattr(registry.liveness, "hold", lambda directory: None)

    SSEMetrics(CollectorRegistry()).serve()

    assert "was set after prometheus_client was loaded" in caplog.text


@pytest.mark.parametrize("is_first", [True, False])
def test_workers_that_share_no_directory_are_said_once(monkeypatch, caplog, is_first) -> None:
    """Each scrape would see one of them; the first of them speaks for all."""
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    monkeypatch.setattr(registry, "is_one_of_many", lambda: True)
    monkeypatch.setattr(registry, "is_the_first", lambda: is_first)

    SSEMetrics(CollectorRegistry()).serve()

    assert caplog.text.count("several workers, and PROMETHEUS_MULTIPROC_DIR is not set") == is_first
