"""
`sse-observe drill`: break streams on purpose, and judge the alerts that fire.

Owns the faults, the services and readers that cause them, and the verdict. A stack (Prometheus
and Alertmanager) watches: one of our own, or the user's, which is only asked. Entry:
`drill.Drill`.
"""
