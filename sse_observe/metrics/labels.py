"""Label values, each set stated once: whatever is not among them becomes `other`."""

OTHER = "other"
"""The label value for everything that was not declared; what a stranger sends ends here."""
ALL_USERS = "all"
"""The one user segment of an application that declares none."""

STARTS = ("fresh", "resumed")
REASONS = (
    "completed",
    "client_disconnected",
    "server_error",
    "error_event",
    "shutdown",
    "slow_consumer",
    "cancelled",
    "rotated",
    "already_complete",
    "polled",
)
"""How a stream ended, as far as its server shows it: docs/reference/endings.md."""
FAILURES = ("server_error", "error_event", "slow_consumer")
"""Ends by which a server fails its user, whatever its clients say."""
CAUSES = ("upstream", "application", "deploy", "network", "user", "unknown")
"""Whose fault it is that a served stream failed; `unknown` without evidence."""
UPSTREAM_ENDS = (
    *("completed", "error_event", "cut", "timeout", "empty", "abandoned"),
    *("refused_4xx", "refused_429", "refused_5xx", "unreachable"),
)
"""How a consumed stream ended, or why it never began: docs/upstreams.md."""
GOOD = "good"
JUDGEMENTS = (GOOD, "late_first_event", "gap", "empty", *FAILURES, "lost")
"""What a finite stream is judged to be, once, at its end; the first limit it broke names it."""
GOODPUT_LIMITS = ("first_event", "gap")
NETWORKS = ("slow-2g", "2g", "3g", "4g", "unknown")
CUT_SINCE = ("open", "write")
CUT_LIMITS = (
    *("10", "15", "30", "55", "60", "75", "90", "100", "120", "180", "300", "350"),
    *("600", "900", "1800", "3600", OTHER),
)
REJECTED_STATUSES = ("3xx", "4xx", "429", "5xx")
STREAM_STATES = ("flowing", "stalled")
EVENTS = ("message", "heartbeat", "comment", "done", OTHER)
RESUME_OUTCOMES = ("full", "gap", "unknown_stream", "malformed")
RESPONSE_FAULTS = (
    "buffering_allowed",
    "cacheable",
    "connection_header",
    "content_length",
    "compressed",
)
CLIENT_OUTCOMES = ("completed", "cancelled", "failed")
UI_MESSAGES = (
    "connecting",
    "live",
    "waiting",
    "reconnecting",
    "offline",
    "polling",
    "complete",
    "failed",
)
REPORT_RESULTS = (
    *("accepted", "bad_origin", "bad_token", "rate_limited", "too_large", "bad_schema"),
    *("replayed", "implausible"),
)
KINDS = ("finite", "continuous")
STORE_OPERATIONS = ("create", "write", "read", "watch", "lease", "report", "other")
STORE_ERRORS = ("unreachable", "timeout", "refused", "full")

ROUTE: dict[str, tuple[str, ...]] = {"route": ()}
"""Its values come from the application."""
UPSTREAM: dict[str, tuple[str, ...]] = {"upstream": ()}
"""Its values are names that the application declares."""
STREAM: dict[str, tuple[str, ...]] = {"user_segment": (), "network_type": NETWORKS}
"""Labels that belong to a stream from its first connection on."""
