"""The modules and targets of a prober, as they stand in the user's file."""

from typing import Literal

import msgspec

from sse_observe.protocols import AUTO

Method = Literal["GET", "POST", "PUT"]
DAY_SECONDS = 86_400


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A header's value that stands elsewhere: in an environment variable, or in a file."""

    env: str | None = None
    file: str | None = None
    """Read at each probe: whoever rotates it writes it anew."""
    prefix: str = ""
    """Goes before it, such as `Bearer `."""


class Demands(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The demands of a probe, beside that there is an event stream."""

    content: int | None = None
    """So many events that a user waits for; 1 where a question is asked, else none."""
    whole: bool | None = None
    """It ends with its terminal, or in order; demanded where a question is asked."""
    first_byte_seconds: float | None = None
    first_content_seconds: float | None = None
    gap_seconds: float | None = None
    held_back_seconds: float | None = None
    checks: tuple[str, ...] = ()
    """Checks of the doctor, by name, that must not fail."""


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The most that a module may ask in a day (UTC), over all of its targets."""

    requests_per_day: int
    tokens_per_day: int | None = None


class Module(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way to ask, and what must hold."""

    method: Method = "GET"
    headers: dict[str, str | Secret] = {}
    body: str | None = None
    body_file: str | None = None
    protocol: str = AUTO
    terminal_events: tuple[str, ...] = ()
    seconds: float | None = None
    """How long a stream is watched: 3, or 30 for one that must be whole."""
    timeout_seconds: float = 10.0
    heartbeat_seconds: float | None = None
    resume: bool = False
    """Whether to come back once with a cursor, too."""
    ca: str | None = None
    insecure: bool = False
    must: Demands = Demands()
    budget: Budget | None = None

    @property
    def asks(self) -> bool:
        """Whether it asks a question that costs something, and is answered once."""
        return self.method != "GET"

    @property
    def whole(self) -> bool:
        """Whether the answer must have ended."""
        return self.asks if self.must.whole is None else self.must.whole

    @property
    def watch_seconds(self) -> float:
        """How long a stream is watched from its first byte, or its first content."""
        return self.seconds or (30.0 if self.whole else 3.0)

    @property
    def content(self) -> int:
        """How many events of content must come."""
        return int(self.asks) if self.must.content is None else self.must.content


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stream that may be asked; with an `interval` it is asked again and again by itself."""

    url: str
    module: str
    name: str | None = None
    """The label of its series; else the URL without its query."""
    interval: float | None = None


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    modules: dict[str, Module]
    targets: tuple[Target, ...] = ()
    concurrency: int = 50
    state_file: str | None = None
    """Where budgets are kept, so that a restart does not spend them again."""
