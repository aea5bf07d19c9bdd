"""Modules of the package without a unit test of their name, each with the reason, in order."""

UNTESTED: dict[str, str] = {
    "catalog/dashboards/marks.py": "queries alone: tests/unit/render/grafana/test_annotations.py",
    "catalog/dashboards/network_quality.py": "a board, data: tests/unit/catalog/test_dashboards.py",
    "catalog/dashboards/shared_panels.py": "panels, data: tests/unit/catalog/test_dashboards.py",
    "catalog/dashboards/stall_detection.py": "a board, data: tests/unit/catalog/test_dashboards.py",
    "catalog/dashboards/stream_health.py": "a board, data: tests/unit/catalog/test_dashboards.py",
    "catalog/dashboards/stream_health_depth.py": "rows: tests/unit/catalog/test_dashboards.py",
    "lab/drill/stack.py": "a protocol and its data: the two stacks have tests",
    "lab/drill/timeline.py": "data alone",
    "reference/store.py": "an interface; test_memory_store holds one store to it",
    "render/banner.py": "one sentence: tests/unit/render/test_bundle.py finds it in each file",
    "render/grafana/heatmap.py": "options alone: tests/integration/test_boards.py",
    "report/findings/incident.py": "data; filled in test_investigation.py beside it",
    "report/output/report.py": "data; read in tests/unit/report/output/test_json_document.py",
}
