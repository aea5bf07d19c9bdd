"""Points about networks: the stream over a slow link, and a reader that was cut in the middle."""

from dataclasses import replace

from sse_observe.check.asking.exchange import Asking, ask
from sse_observe.check.asking.question import Question
from sse_observe.check.asking.recording import Recording
from sse_observe.check.asking.watch import Watch
from sse_observe.check.production.point import Point, done, failed, person
from sse_observe.check.production.slow_link import SLOW_3G, Link, relay

SECONDS = 10.0
_SLOW = "Performance tested on real 3G/4G networks"
_ERRORS = "Error scenarios tested (offline, packet loss, handoff)"
_MOST_WAIT_SECONDS = 5.0
_HEAD_BYTES = 600


async def over(question: Question, asking: Asking, link: Link, seconds: float) -> Recording:
    """Ask once over a link of ours."""
    origin = question.origin
    async with relay(origin.host, origin.port, link) as address:
        way = replace(asking, dialing=replace(asking.dialing, to=address))
        return await ask(question, Watch(seconds=seconds), way)


async def slow_link(question: Question, asking: Asking, *, repeats: bool) -> Point:
    """Return whether the stream flows over a link as slow as 3G, shaped in this process."""
    ask_people = "On which phones and networks was it tried?"
    if not repeats:
        return person(_SLOW, f"a {question.method} is not put again", ask_people)
    found = await over(question, asking, SLOW_3G, SECONDS)
    if not found.is_stream or not found.log.events:
        return failed(_SLOW, f"over 400 kbit/s and 400 ms: {found.failure or found.status}")
    first = found.log.events[0].at
    words = f"over 400 kbit/s and 400 ms (shaped here): first event after {first:.1f} s, "
    words += f"{len(found.log.events)} events, {found.end}"
    if found.end == "cut" or first > _MOST_WAIT_SECONDS:
        return failed(_SLOW, words)
    return done(_SLOW, words)


async def errors(question: Question, asking: Asking, main: Recording, *, repeats: bool) -> Point:
    """Cut a stream in the middle of an event, come back, and look whether anything is missing."""
    ask_people = "What happens to an answer when the phone changes networks in the middle of it?"
    ids = [event.own_id for event in main.log.content if event.own_id]
    if not repeats or len(ids) < 2:
        why = "its events have no ids" if repeats else f"a {question.method} is not put again"
        return person(_ERRORS, why, ask_people)
    middle = sum(event.size for event in main.log.events) // 3
    first = await over(question, asking, Link(cut_after=_HEAD_BYTES + middle), SECONDS)
    seen = [event.own_id for event in first.log.content if event.own_id]
    if first.end != "cut" or not seen:
        return person(_ERRORS, f"the cut came too early or too late ({first.end})", ask_people)
    back = question.with_headers({"Last-Event-ID": str(seen[-1])})
    after = await over(back, asking, Link(delay=0.05), SECONDS)
    got = [event.own_id for event in after.log.content if event.own_id]
    words = f"cut in the middle after {len(seen)} events, back on another connection: "
    if not got:
        return failed(_ERRORS, f"{words}nothing followed ({after.failure or after.status})")
    if set(got) & set(seen):
        return failed(_ERRORS, f"{words}{len(set(got) & set(seen))} came twice")
    if (after.log.hello or {}).get("lost"):
        return failed(_ERRORS, f"{words}events are announced as lost")
    return done(_ERRORS, f"{words}{len(got)} followed, none twice")
