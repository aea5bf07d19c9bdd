"""The bundle in the form that each system takes. Wraps what was rendered; knows no signal."""
