"""The whole checklist, in the order of the brief."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sse_observe.catalog.model import Catalog
from sse_observe.check.asking.exchange import Asking
from sse_observe.check.asking.question import Question
from sse_observe.check.asking.recording import Recording
from sse_observe.check.doctor import Examination
from sse_observe.check.production import client_points, network_points, stack_points, stream_points
from sse_observe.check.production.load_point import MOST_USERS, load
from sse_observe.check.production.point import Point, PointEntry, person
from sse_observe.errors import CheckError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The programs around the service, as far as the user names them."""

    catalog: Catalog
    prometheus: Question | None = None
    grafana: Question | None = None
    users: int = 0

    def __post_init__(self) -> None:
        """Refuse a load that is no test any more."""
        if not 0 <= self.users <= MOST_USERS:
            raise CheckError(f"--users {self.users}: at most {MOST_USERS}; use a load generator")

    def plan(self, question: Question) -> list[str]:
        """Return what is asked beside the checks, before anything is."""
        lines = [
            f"Will ask {question.shown} again over a slow link, cut in the middle, and by poll"
        ]
        if self.users:
            lines.append(f"Will open {self.users} streams at once to {question.shown}")
        named = [one for one in (self.prometheus, self.grafana) if one is not None]
        return [*lines, *(f"Will read {one.shown}" for one in named)]


def _moved(question: Question, main: Recording) -> Question:
    """Return the question where redirects led: a link of ours leads to one host."""
    return question.redirected(307, main.redirects[-1]) if main.redirects else question


async def assess(
    examination: Examination,
    surroundings: Surroundings,
    asking: Asking,
    *,
    repeat: bool,
    begun: Callable[[str], None] = lambda _: None,
) -> list[Point]:
    """Return the fifteen points; `begun` is told of each step that takes time, before it."""

    async def step(words: str, work: Awaitable[T]) -> T:
        begun(words)
        return await work

    main = examination.main
    question = _moved(examination.question, main)
    evidence = examination.places[0].evidence
    dialing = asking.dialing
    repeats = question.is_safe or repeat
    scrape = evidence.scrapes.get("metrics")
    users = surroundings.users if repeats else 0
    grafana = surroundings.grafana
    loaded = await step("rules", stack_points.rules(surroundings.prometheus, dialing))
    dedup, stall, backoff = client_points.clients(scrape)
    return [
        stream_points.heartbeat(examination),
        stream_points.replay(examination),
        dedup,
        stall,
        backoff,
        stream_points.headers(examination),
        stack_points.metrics(examination),
        await step("boards", stack_points.alerting(surroundings.catalog, loaded, grafana, dialing)),
        await step("runbooks", stack_points.runbooks(loaded, dialing)),
        await step("load", load(question, asking, users, main)),
        await step("slow link", network_points.slow_link(question, asking, repeats=repeats)),
        await step("cut, and back", network_points.errors(question, asking, main, repeats=repeats)),
        person(
            "User acceptance testing completed",
            "no machine can tell",
            "Who used it, for how long, and what did they say?",
        ),
        person(
            "Logging configured for debugging",
            "logs are not read here",
            "Can you find how yesterday's third stream ended? The middleware logs each end.",
        ),
        await step("poll", stream_points.degradation(question, dialing)),
    ]


def summary(entries: Sequence[PointEntry], url: str, began: str) -> str:
    """Return the checklist as Markdown that can be committed."""
    points = [Point(**entry) for entry in entries]
    counts = stack_points.statuses(points)
    words = f"{counts['done']} done, {counts['failed']} failed, {counts['person']} to ask a person"
    lines = [
        f"# Production checklist: {url}",
        "",
        f"{began}: {words}.",
        "",
        *(point.line for point in points),
        "",
    ]
    return "\n".join(lines)
