"""
The bundle in the form that each system takes: one module for each, found by `render.target`.

A module defines `TARGET`, and may keep templates in a folder of its name. It writes what was
decided elsewhere; it knows no signal and no alert.
"""
