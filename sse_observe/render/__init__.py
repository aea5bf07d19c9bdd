"""Turns the catalogue and a user's settings into dashboards, rules and runbooks."""
