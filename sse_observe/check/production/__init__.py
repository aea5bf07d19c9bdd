"""
The production checklist, fifteen points: ticked by a machine where it can, else a question.

Builds on one examination and asks beside it what the points need. Entry: `run.assess()`.
"""
