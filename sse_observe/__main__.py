"""`python -m sse_observe` is `sse-observe`."""

from sse_observe.cli.main import main

main()
