"""
The release: what is built from the tree, and what is checked before somebody uploads it.

Entered by `make release VERSION=…`; the package itself knows nothing of it.
"""
