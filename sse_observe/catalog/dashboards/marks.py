"""PromQL of the marks on every graph: where an alert began to fire, where a process started."""

FIRING = """ALERTS{alertname=~"SSE.+", alertstate="firing", route=~"<< chosen('route') >>|"}"""
"""The alerts that fire for the chosen routes; an alert of a whole job has no route."""

# Grafana colours a graph for as long as a mark lasts: in a bad hour all would be red. So a mark is
# where an alert began, and all routes of an alert share it.
_BY_ALERT = "max by (alertname, severity)"
BEGAN = f"{_BY_ALERT} ({FIRING}) unless {_BY_ALERT} ({FIRING} offset << step >>)"
"""The moments at which alerts began to fire."""

# The newest start of a job is a new value after each restart and each deploy, whatever names the
# instances have.
STARTED = "max by (job) (sse_start_time_seconds)"
"""When the newest process of each job started, in Unix time."""
