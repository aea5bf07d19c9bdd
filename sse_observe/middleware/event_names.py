"""The last few names of events that one route has sent, for whoever declared a wrong one."""

from sse_observe.contract import DONE_DATA

# As many as one log line may hold.
_MOST = 5
_MOST_LETTERS = 40
_DONE = DONE_DATA.encode()


class EventNames:
    """The distinct names of the last events; never their data, but for the word that ends one."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: dict[bytes, None] = {}

    def saw(self, name: bytes, data: bytes) -> None:
        """Take one event that was sent."""
        shown = name or (_DONE if data == _DONE else b"message")
        self._names.pop(shown, None)
        self._names[shown] = None
        if len(self._names) > _MOST:
            del self._names[next(iter(self._names))]

    def __str__(self) -> str:
        shown = (name.decode(errors="replace")[:_MOST_LETTERS] for name in self._names)
        return ", ".join(map(repr, shown)) or "no event"
