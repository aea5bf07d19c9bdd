"""
Every recorded series: one PromQL expression, one name.

`recordings` alone reads raw metrics; the others read signals. Entry: `recordings.SIGNALS`.
"""
