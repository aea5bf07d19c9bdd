"""
Boards that live in a browser: the catalogue's panels, asked again every few seconds.

Owns the pages, their addresses and who may ask for them. Refuses to know how a panel is asked or
drawn, which is the report's work, and writes nothing anywhere. Entry: `app.BoardsApp`.
"""
