"""
The truth test: a scripted upstream behind the user's own gateway, and what of it arrived.

Serves the upstream itself, so it knows what was sent and when. Entries: `script.read()`,
`upstream.serving()`, `run.compared()`.
"""
