"""`sse-observe drill`: faults on purpose, and a verdict on the alerts. Entry: `drill.Drill`."""
