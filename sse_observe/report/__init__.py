"""
The incident report: asks any Prometheus API with the catalogue's queries, writes one file.

Owns the way from a request to a file: `query` asks, `findings` compares, `logs` reads log lines,
`output` writes. Refuses to know how metrics are counted, and has no query of its own for a panel
or an alert. Entry: `run.run_report()`.
"""
