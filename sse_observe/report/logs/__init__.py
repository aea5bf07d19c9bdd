"""
Log lines of an incident: read from a file, dated, masked and counted.

Owns the shapes of foreign logs, and what in them is secret. Refuses to know metrics and queries.
Entry: `reading.read_log()`.
"""
