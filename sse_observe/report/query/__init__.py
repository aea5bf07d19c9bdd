"""
Queries to a Prometheus API, and their answers.

Owns how to ask: HTTP, time limits, the variables of a query, how often rules were evaluated.
Refuses to know what an answer means. Entry: `batch.BatchRunner.run()`.
"""
