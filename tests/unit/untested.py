"""Modules of the package without a test file of their own, and why."""

UNTESTED = {
    "lab/drill/stack.py": "a protocol and its data: the two stacks have tests",
    "lab/drill/timeline.py": "data alone",
    "reference/store.py": "an interface; test_memory_store holds one store to it",
}
