"""Facts about one incident, found in the answers. Entry: `incident.investigate()`."""
