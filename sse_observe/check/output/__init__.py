"""
The forms in which an examination is shown: a table, JSON, JUnit, an HTML page; from one document.

The document is where secrets are taken out, so none of them can show one. Entry:
`document.document()`.
"""
