"""Modules of the package without a test file of their own, and why."""

UNTESTED = {
    "reference/store.py": "an interface; test_memory_store holds one store to it",
}
