"""D15: a finished stream that is asked for again says that it is over."""

from sse_observe.check.model import Check, Evidence, Finding, Remedy, not_asked, passed

_SOON_SECONDS = 2.0


def _judge(evidence: Evidence) -> Finding:
    main, again = evidence.main, evidence.one("finished")
    if main.end != "complete":
        return not_asked("the stream did not end while it was watched")
    if again is None:
        return not_asked("it has no id and no name to ask for it again")
    if again.failure is not None:
        return Finding("fail", f"asked again: {again.failure}")
    if again.status == 204:
        return passed("204")
    if not again.is_stream:
        return Finding("warn", f"status {again.status}: a browser stops, and reports an error")
    if again.log.content:
        return Finding("fail", "asked again, it starts over: a browser repeats it for ever")
    if again.log.terminal_at is not None and again.log.terminal_at <= _SOON_SECONDS:
        return passed("the terminal event at once")
    if again.end == "complete":
        return Finding("warn", "an empty stream: a browser asks again every few seconds, for ever")
    return Finding("fail", "a stream in which nothing comes: its reader waits for ever")


CHECK = Check(
    id="D15",
    name="finished",
    question="What does a browser get that asks for a finished stream again?",
    passes="204, or the terminal event at once.",
    remedy=Remedy(
        words="Answer 204: it is the only answer after which an EventSource does not come back.",
        runbook="SSEReconnectStorm",
        section="Root-cause fix",
    ),
    judge=_judge,
    visits=("main", "finished"),
    flag="resume",
)
