"""
The catalogue under a user's settings, as files: dashboards, rules, runbooks and other targets.

Owns settings and formats; decides nothing about signals, panels or alerts. Entry: `bundle.bundle`.
"""
