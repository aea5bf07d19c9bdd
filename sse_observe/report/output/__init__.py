"""
A report as one HTML file or one JSON document, and how the file is written.

Owns words, tables, charts and their style. Asks nothing: it refuses to know queries and sources.
Entries: `html_file.html_file()` and `json_document.json_document()`.
"""
