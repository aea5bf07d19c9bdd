"""
Web frameworks, as far as each names the route of a request; one file for each.

Reads what a framework leaves in the scope, or asks the router that the application itself has
loaded; imports no framework and counts nothing. Entry: `Frameworks`.
"""

from sse_observe.middleware.frameworks.frameworks import Frameworks

__all__ = ["Frameworks"]
