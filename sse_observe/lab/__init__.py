"""
The lab: real streams, synthetic users and a real Prometheus on one machine, to see alerts work.

Owns `demo` (watch an alert come and go) and `drill` (break streams, judge the alerts), and what
both stand on: `programs`, and the bundle rendered for a service on this machine. Demo and drill
do not know each other. Runs no user's application, and changes nobody's Prometheus. Entries:
`demo.demo.Demo` and `drill.drill.Drill`.
"""
