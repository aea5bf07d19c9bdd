"""The incident report: asks any Prometheus API with the catalogue's queries, writes one file."""
