"""
Datadog's objects: the Agent's configuration, monitors, dashboards and an SLO, as plain data.

Reads the catalogue's forms; writes no file, and knows nothing of Terraform.
"""
