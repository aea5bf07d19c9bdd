"""
Programs and networks on loopback: start them, ask them, end them.

Knows nothing of streams, alerts of ours, demo or drill. Each program is a context manager that
leaves no process behind; `process.Program` is the base of all.
"""
