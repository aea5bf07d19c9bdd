"""`python -m sse_observe` is `sse-observe`."""

from sse_observe.cli import main

main()
