"""Modules of the package without a unit test of their name, each with the reason, in order."""

UNTESTED: dict[str, str] = {
    "__init__.py": "its lazy names: tests/integration/test_layers.py",
    "catalog/dashboards/marks.py": "queries alone: tests/unit/render/grafana/test_annotations.py",
    "catalog/dashboards/network_quality.py": "a board, data: tests/unit/catalog/test_dashboards.py",
    "catalog/dashboards/shared_panels.py": "panels, data: tests/unit/catalog/test_dashboards.py",
    "catalog/dashboards/stall_detection.py": "a board, data: tests/unit/catalog/test_dashboards.py",
    "catalog/dashboards/stream_health.py": "a board, data: tests/unit/catalog/test_dashboards.py",
    "catalog/dashboards/stream_health_depth.py": "rows: tests/unit/catalog/test_dashboards.py",
    "check/asking/connection.py": (
        "tests/unit/check/asking/test_exchange.py connects to every kind of server"
    ),
    "check/asking/failures.py": "tests/unit/check/asking/test_exchange.py makes each failure",
    "check/asking/fetch.py": "tests/integration/test_check_breakers.py reads metrics with it",
    "check/asking/http1.py": "tests/unit/check/asking/test_exchange.py asks over it",
    "check/asking/http2.py": "a real nginx speaks it: tests/integration/test_check_hops.py",
    "check/asking/recording.py": "data; filled by tests/unit/check/asking/test_exchange.py",
    "check/asking/watch.py": "data; tests/unit/check/test_visits.py asks when a watch ends",
    "check/briefly.py": "one line: tests/unit/check/output/test_document.py finds no whole id",
    "check/checks/answer.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/burst.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/caching.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/compression.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/cross_origin.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/finished.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/first_event.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/head.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/health_check.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/heartbeat.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/hold.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/hop.py": "real proxies break it: tests/integration/test_check_hops.py",
    "check/checks/hostile_cursors.py": (
        "a server breaks it: tests/integration/test_check_breakers.py"
    ),
    "check/checks/ids.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/leaving.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/one_behind.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/protocol_version.py": (
        "a server breaks it: tests/integration/test_check_breakers.py"
    ),
    "check/checks/query_cursor.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/redirects.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/resume.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/slow_reader.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/telemetry.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/checks/wire_format.py": "a server breaks it: tests/integration/test_check_breakers.py",
    "check/doctor.py": "tests/integration/test_check_breakers.py lets it examine every server",
    "check/local/facts.py": "tests/unit/check/local/test_setup.py reads them of real applications",
    "check/local/server.py": "tests/integration/test_check_app.py runs applications under it",
    "check/metrics_text.py": "tests/integration/test_check_breakers.py reads real metrics",
    "check/model.py": "data alone",
    "check/output/arrival_plot.py": "tests/unit/check/output/test_document.py draws it in a page",
    "check/output/html_page.py": "tests/unit/check/output/test_document.py writes it",
    "check/output/junit.py": "tests/unit/check/output/test_document.py reads it back",
    "check/production/client_points.py": (
        "a real service and Prometheus: tests/integration/test_check_production.py"
    ),
    "check/production/load_point.py": (
        "a real service and Prometheus: tests/integration/test_check_production.py"
    ),
    "check/production/network_points.py": (
        "a real service and Prometheus: tests/integration/test_check_production.py"
    ),
    "check/production/point.py": "data; its line: tests/integration/test_check_production.py",
    "check/production/run.py": (
        "a real service and Prometheus: tests/integration/test_check_production.py"
    ),
    "check/production/stack_points.py": (
        "a real service and Prometheus: tests/integration/test_check_production.py"
    ),
    "check/production/stream_points.py": (
        "a real service and Prometheus: tests/integration/test_check_production.py"
    ),
    "check/remedies.py": "tests/unit/check/reading/test_traces.py reads every fix",
    "check/truth/judge.py": "a gateway for each fault: tests/integration/test_check_truth.py",
    "check/truth/readings.py": "data; filled by tests/integration/test_check_truth.py",
    "check/truth/run.py": "a gateway for each fault: tests/integration/test_check_truth.py",
    "check/truth/upstream.py": "a gateway for each fault: tests/integration/test_check_truth.py",
    "errors.py": "names alone",
    "lab/drill/stack.py": "a protocol and its data: the two stacks have tests",
    "lab/drill/timeline.py": "data alone",
    "metrics/client.py": "metrics alone, held to the conventions by test_metrics.py",
    "metrics/labels.py": "names alone",
    "metrics/model.py": "its sums are held against a scrape by test_metrics.py",
    "metrics/process.py": "metrics alone, held to the conventions by test_metrics.py",
    "metrics/replay.py": "metrics alone, held to the conventions by test_metrics.py",
    "metrics/server.py": "metrics alone, held to the conventions by test_metrics.py",
    "metrics/store.py": "metrics alone, held to the conventions by test_metrics.py",
    "metrics/tcp.py": "metrics alone, held to the conventions by test_metrics.py",
    "middleware/content.py": "counted with its messages by test_event_counter.py",
    "reference/outbox.py": "each fault of a store: tests/integration/test_store_faults.py",
    "reference/producer.py": "its policies: test_resumable.py; fences: test_store_faults.py",
    "reference/redis/calls.py": "test_store.py; faults: tests/integration/test_store_faults.py",
    "reference/redis/channel.py": "test_store.py; faults: tests/integration/test_store_faults.py",
    "reference/redis/lease.py": "hosts that die: tests/integration/test_store_processes.py",
    "reference/redis/mirrors.py": "test_store.py; faults: tests/integration/test_store_faults.py",
    "reference/redis/script.py": "runs inside Redis: test_store.py holds it to the contract",
    "reference/response.py": "each framework asks it: tests/integration/test_resumable_served.py",
    "reference/store.py": "an interface; test_memory_store holds one store to it",
    "reference/store_contract.py": "tests themselves; test_memory_store.py runs them",
    "reference/store_contract/lifetime.py": "tests themselves; test_memory_store.py runs them",
    "reference/store_contract/reading.py": "tests themselves; test_memory_store.py runs them",
    "reference/store_contract/support.py": "tests themselves; test_memory_store.py runs them",
    "reference/store_contract/writing.py": "tests themselves; test_memory_store.py runs them",
    "registry/sink.py": "protocols alone",
    "render/banner.py": "one sentence: tests/unit/render/test_bundle.py finds it in each file",
    "render/grafana/heatmap.py": "options alone: tests/integration/test_boards.py",
    "report/findings/incident.py": "data; filled in test_investigation.py beside it",
    "report/output/report.py": "data; read in tests/unit/report/output/test_json_document.py",
}
