"""
The catalogue: signals, dashboards, alert pages and fixes, as data.

Owns which series are recorded, drawn and compared, and the words about them. Knows no format and
imports no renderer. Entry: `load.load`.
"""
