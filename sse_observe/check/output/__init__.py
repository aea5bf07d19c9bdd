"""
What an examination is shown as: a table, JSON, JUnit, one HTML page; all from one document.

The document is where secrets are taken out, so none of them can show one. Entry:
`document.document()`.
"""
