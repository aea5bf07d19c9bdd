"""
An application that is checked before it is deployed: run on loopback, and its set-up looked at.

Runs it in processes of its own, as a server would. Entries: `server.served()`, `setup.judge()`.
"""
