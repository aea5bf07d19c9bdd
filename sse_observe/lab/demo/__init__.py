"""
`sse-observe demo`: a service, its users and an incident, and the Prometheus that sees it.

Owns the story and its terminal frames. Judges nothing, which is the drill's work. Entry:
`demo.Demo`.
"""
