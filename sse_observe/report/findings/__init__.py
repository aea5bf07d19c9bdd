"""
Facts about one incident: what fired, where, when, and how far beyond the limits.

Owns what is asked and what the answers mean. Refuses to know HTTP, HTML and log files.
Entry: `investigation.investigate()`.
"""
