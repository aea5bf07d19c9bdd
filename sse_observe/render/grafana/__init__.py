"""
Boards as Grafana 11 to 13 read them.

Owns Grafana's words, options and schema; knows no signal. Entry: `boards.render_boards`.
"""
