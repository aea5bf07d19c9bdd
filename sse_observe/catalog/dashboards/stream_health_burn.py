"""The collapsed row of Stream Health that tells how fast budgets are spent, and on what."""

from sse_observe.catalog.dashboards.colours import Colours
from sse_observe.catalog.dashboards.panels import depth, lines
from sse_observe.catalog.dashboards.queries import burn, high_by, most_by
from sse_observe.catalog.model import Weight

_BURNS: tuple[tuple[str, Weight], ...] = (
    ("1h", "bold"),
    ("6h", "normal"),
    ("1d", "thin"),
    ("3d", "thin"),
)
_BURN_COLOURS: Colours = {"1h": "p99", "6h": "p95", "1d": "p50", "3d": "calm"}

BURN = depth(
    "Burn rates and late streams",
    lines(
        "Error budget burn",
        "times",
        "How many times faster than allowed streams fail, on the worst route, over each long "
        "window of the burn-rate alerts. At × 1 the budget lasts exactly its window. Above a "
        "dashed line it is spent so fast that somebody must act.",
        *(burn(window, weight) for window, weight in _BURNS),
        width=12,
        decimals=1,
        colours=_BURN_COLOURS,
    ),
    lines(
        "Goodput burn",
        "times",
        "How many times faster than allowed streams are not good, on the worst route, over each "
        "long window of SSEGoodputBurn. The alert needs a route that declares a limit.",
        *(
            burn(window, weight, failures="sse_goodput_failures", objective="goodput")
            for window, weight in _BURNS
        ),
        width=12,
        decimals=1,
        colours=_BURN_COLOURS,
    ),
    lines(
        "Late streams",
        "count",
        "Open streams that have broken a limit of goodput already: a freeze shows here while it "
        "lasts, before any stream has ended.",
        most_by("route", "route:sse_late_streams:sum"),
        width=12,
        decimals=0,
    ),
    lines(
        "Empty streams",
        "ratio",
        "Share of completed streams that brought nothing that a user waits for: users see an empty "
        "answer, and nothing else counts it as a failure.",
        high_by("route", "route:sse_streams_empty:ratio_rate10m"),
        width=12,
        decimals=1,
    ),
)
