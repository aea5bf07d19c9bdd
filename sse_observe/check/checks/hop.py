"""D8: which hop of the way does it, where places behind it can be asked."""

from sse_observe.check.hops import verdicts
from sse_observe.check.model import Check, Evidence, Finding, Remedy, not_asked, passed
from sse_observe.check.reading.traces import traces


def _judge(evidence: Evidence) -> Finding:
    places = evidence.places
    found = verdicts(places)
    seen = ", ".join(f"{trace.name} ({trace.shown_by})" for trace in traces(evidence.main))
    if len(places) == 1:
        guess = f"; from here: {found[0]}" if found else f"; hops seen: {seen}" if seen else ""
        return not_asked(f"--via URL asks behind a hop{guess}")
    if not found:
        return passed(f"the same at {len(places)} places")
    first, *others = found
    more = f"; and {len(others)} more" if others else ""
    remedy = Remedy(
        words=f"Mend it there{'; the fix of ' + ', '.join(first.fixes) if first.fixes else ''}.",
        runbook=CHECK.remedy.runbook,
        section=CHECK.remedy.section,
        fixes=first.fixes,
    )
    return Finding(
        "fail" if first.sure else "warn", f"{first}{more}", sure=first.sure, remedy=remedy
    )


CHECK = Check(
    id="D8",
    name="hop",
    question="Which hop of the way does it?",
    passes="The same findings at every place that --via names.",
    remedy=Remedy(
        words="Ask behind each hop: --via URL, outermost first.",
        runbook="SSEDeliveryDelayed",
        section="Diagnosis",
    ),
    judge=_judge,
    any_answer=True,
)
