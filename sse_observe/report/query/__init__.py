"""Questions to a Prometheus API and their answers. Knows no finding and draws nothing."""
