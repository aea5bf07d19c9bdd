"""A report as one page or one JSON document. Asks nothing."""
