"""D19: no cache keeps the stream, or answers in its place."""

from sse_observe.check.asking.recording import Recording
from sse_observe.check.model import Check, Evidence, Finding, Remedy, passed
from sse_observe.check.reading.pacing import FELT_SECONDS

_DIRECTIVES = ("no-cache", "no-store")


def _judge(evidence: Evidence) -> Finding:
    main = evidence.main
    looked = [main, *(each for name in ("again", "compressed") if (each := evidence.one(name)))]
    for each in looked:
        if hit := _hit(each):
            return Finding("fail", f"{hit}: a cache answered", cause="cached")
    again = evidence.one("again")
    if again is not None and _replayed(main, again):
        return Finding(
            "fail",
            f"asked again, the same {again.bytes_read:,} bytes came within "
            f"{1000 * again.lasted:.0f} ms, {main.lasted:.1f} s the first time",
            cause="cached",
        )
    if not evidence.question.is_safe:
        return passed(f"a {evidence.question.method} is not cached")
    control = (main.header("cache-control") or "").lower()
    if not any(word in control for word in _DIRECTIVES):
        return Finding("warn", f"Cache-Control: {control or 'none'}: a cache may keep it")
    return passed(f"Cache-Control: {control}")


def _hit(recording: Recording) -> str | None:
    age = recording.header("age") or "0"
    # A cache counts the time that it fetched for, too.
    if age.isdigit() and int(age) > (recording.headers_at or 0.0) + 1:
        return f"Age: {age}"
    for name in ("x-cache", "cf-cache-status", "x-cache-status"):
        value = recording.header(name) or ""
        if "hit" in value.lower():
            return f"{name}: {value[:40]}"
    # Varnish names the request that fetched the object too, where it is another.
    return (
        "x-varnish with two ids" if len((recording.header("x-varnish") or "").split()) > 1 else None
    )


def _replayed(main: Recording, again: Recording) -> bool:
    """Whether a stream that took its time came whole and at once, byte for byte the same."""
    if main.end != "complete" or again.end != "complete" or main.lasted < 2 * FELT_SECONDS:
        return False
    same = [(e.type, e.data, e.own_id) for e in main.log.events] == [
        (e.type, e.data, e.own_id) for e in again.log.events
    ]
    return same and bool(main.log.events) and again.lasted < main.lasted / 4


CHECK = Check(
    id="D19",
    name="caching",
    question="Can a cache answer in place of the stream?",
    passes="Cache-Control has no-cache or no-store; no Age, no hit; a second answer is not the "
    "first one at once.",
    remedy=Remedy(
        words="Send `Cache-Control: no-cache, no-transform`, and let the CDN pass this path.",
        runbook="SSEResponseHeadersWrong",
        fixes=("varnish",),
    ),
    judge=_judge,
    visits=("main", "compressed", "again"),
)
