"""D18: a page of another origin may read the stream, and resume it."""

from sse_observe.check.model import Check, Evidence, Finding, Remedy, not_asked, passed


def _judge(evidence: Evidence) -> Finding:
    origin = evidence.options.origin
    if origin is None:
        return not_asked("--origin https://… asks as a page of that origin")
    main, preflight = evidence.main, evidence.one("preflight")
    allowed = main.header("access-control-allow-origin")
    if allowed is None:
        return Finding("fail", f"no Access-Control-Allow-Origin for {origin}")
    credentials = (main.header("access-control-allow-credentials") or "").lower() == "true"
    if allowed == "*" and credentials:
        return Finding("fail", "`*` with credentials: browsers refuse it")
    if allowed not in ("*", origin):
        return Finding("fail", f"{allowed} is allowed, {origin} is not")
    if preflight is None:
        return passed(f"{allowed} is allowed")
    if preflight.failure is not None or preflight.status not in (200, 204):
        why = preflight.failure or f"status {preflight.status}"
        return Finding("warn", f"preflight: {why}; a cursor that needs one cannot be sent")
    names = (preflight.header("access-control-allow-headers") or "").lower()
    if "last-event-id" not in names and names.strip() != "*":
        return Finding("warn", "preflight: last-event-id is not allowed; a resume may fail")
    return passed(f"{allowed} is allowed, and so is last-event-id")


CHECK = Check(
    id="D18",
    name="cross-origin",
    question="May a page of another origin read the stream, and resume it?",
    passes="Access-Control-Allow-Origin matches, not `*` with credentials; OPTIONS allows "
    "last-event-id.",
    remedy=Remedy(
        words="Allow the origin and the header `last-event-id` in the CORS settings.",
        runbook="SSEReplayMiss",
        section="Root-cause fix",
    ),
    judge=_judge,
    visits=("main", "preflight"),
    flag="origin",
)
