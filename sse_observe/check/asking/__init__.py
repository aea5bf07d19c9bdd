"""
HTTP as a diagnostician needs it: each phase timed, each piece of a body as it arrived.

Speaks HTTP/1.1 through h11 and HTTP/2 through h2, and hides nothing: no pool, no retry, no
redirect that was not asked for. Judges nothing. Entry: `exchange.ask()`.
"""
