"""
The reading of a recorded body: events with their times, and what a strict reader finds wrong.

Knows bytes, times and protocols; knows no connection and no check. Entry: `event_log.EventLog`.
"""
