"""Log lines of a report, read and masked. Entry: `reading.read_log()`."""
