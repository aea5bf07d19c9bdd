"""PromQL of the marks on every graph: where an alert began to fire, where a process started."""

FIRING = """ALERTS{alertname=~"SSE.+", alertstate="firing", route=~"<< chosen('route') >>|"}"""
"""What fires for the selection; an alert of a whole job has no route."""

# Grafana tints a graph for as long as a mark lasts, once for each: a bad hour would be a red wall.
# The routes of an alert share its mark.
_BY_ALERT = "max by (alertname, severity)"
BEGAN = f"{_BY_ALERT} ({FIRING}) unless {_BY_ALERT} ({FIRING} offset << step >>)"
"""The moments at which alerts began to fire."""

# The newest start of a job is a new value after each restart and each deploy, whatever the
# instances are called.
STARTED = "max by (job) (sse_start_time_seconds)"
"""When the newest process of each job started, in Unix time."""
