"""
The doctor of anybody's event stream: `sse-observe check URL` once, `sse-observe probe` for ever.

Asks over HTTP, records what came and when, and judges the recording by one file for each check.
Needs nothing of ours behind the URL; changes nothing there. Entries: `doctor.examine()` and
`probe.run.run()`. Needs the `[check]` extra.
"""
