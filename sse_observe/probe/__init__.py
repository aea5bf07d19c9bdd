"""
The prober: asks event streams for ever, and exports what their users would see.

Asks through the doctor, judges by what its modules demand, and keeps numbers alone. Entry:
`server.run()`. Needs the `[check]` extra.
"""
