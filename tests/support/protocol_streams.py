"""
Random streams of each protocol, as servers write them, and as only a hostile one would.

Drawn from a `random.Random`, which hypothesis can provide, or a seed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from tests.support.speakers import SPEAKERS, Event, Speaker

EXTRA_KEYS = ("x_trace", "service_tier", "obfuscation", "system_fingerprint", "meta", "timestamp")
EXTRAS: tuple[object, ...] = (
    *(None, 7, -0.5, True, "", "x", [], {}, ["[DONE]"], {"error": {"message": "of a tool"}}),
    {"delta": {"content": "not this one"}},
    {"choices": [{"delta": {"content": "nor this"}, "finish_reason": "stop"}]},
    {"type": "error", "finishReason": "STOP", "candidates": [{"content": {"parts": []}}]},
    'say "delta":{"content":"x"}',
)
QUIET = (
    *(b": keepalive", b":", b"event: heartbeat\ndata: 1", b"event: keepalive\ndata: {}"),
    *(b"event: sse.hello\ndata: {}", b"retry: 500", b"id: 7", b": OPENROUTER PROCESSING\n: x"),
)


@dataclass
class Drawn:
    """One random stream: its bytes, and how it ends."""

    kind: str
    blocks: list[bytes]
    ends: str
    names_itself: bool
    """Whether the response's headers name the protocol."""

    @property
    def speaker(self) -> Speaker:
        """The parts of its protocol's streams."""
        return SPEAKERS[self.kind]

    @property
    def response(self) -> Mapping[str, str]:
        """The headers of the response beside the usual ones."""
        return self.speaker.response if self.names_itself else {}

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that name a protocol, of the request and of the response."""
        return {**self.speaker.headers, **self.response}


class Style:
    """How one server writes: line ends, spaces, the order of keys, fields of its own."""

    def __init__(self, r: Random) -> None:
        self.r = r
        self.line_end = r.choice([b"\n", b"\n", b"\n", b"\r\n", b"\r"])
        self.space = r.choice([b" ", b" ", b""])
        self.separators = r.choice([(",", ":"), (", ", ": "), (" , ", " : ")])
        self.ascii = r.random() < 0.5
        self.strange = r.choice([0.0, 0.0, 0.3, 1.0])
        self.ids = r.random() < 0.3
        self.number = 0
        self.extras = [(r.choice(EXTRA_KEYS), r.choice(EXTRAS)) for _ in range(r.randint(0, 2))]

    def block(self, event: Event) -> bytes:
        """Write one event."""
        r = self.r
        name, value = event
        data = value if isinstance(value, bytes) else self._json(value)
        lines = [b"data:" + self.space + line for line in data.split(b"\n")]
        fields = [b"event:" + self.space + name.encode()] if name else []
        if self.ids:
            self.number += 1
            fields.append(b"id: %d" % self.number)
        if r.random() < self.strange * 0.3:
            r.shuffle(fields)
            fields.insert(0, r.choice([b": c", b"unknown: 1", b"retry: 10"]))
        lines = [*lines, *fields] if r.random() < self.strange * 0.3 else [*fields, *lines]
        return self.ended(lines)

    def ended(self, lines: list[bytes]) -> bytes:
        """Write a block."""
        return b"".join(line + self.line_end for line in lines) + self.line_end

    def _json(self, value: object) -> bytes:
        r = self.r
        written = self._strange(value, 0) if r.random() < self.strange else self._usual(value)
        indent = 1 if r.random() < self.strange * 0.2 else None
        separators = None if indent else self.separators
        text = json.dumps(written, ensure_ascii=self.ascii, separators=separators, indent=indent)
        return text.encode(errors="replace")

    def _usual(self, value: object) -> object:
        """The same fields beside in each event, last."""
        return {**value, **dict(self.extras)} if isinstance(value, dict) else value

    def _strange(self, value: object, depth: int) -> object:
        """Fields in any order, and some more of them."""
        r = self.r
        if isinstance(value, dict):
            members = [(key, self._strange(inside, depth + 1)) for key, inside in value.items()]
            if r.random() < 0.5 and depth < 4:
                key = r.choice(EXTRA_KEYS)
                if key not in value:
                    members.append((key, r.choice(EXTRAS)))
            r.shuffle(members)
            return dict(members)
        return (
            [self._strange(one, depth + 1) for one in value] if isinstance(value, list) else value
        )


def healthy(r: Random, kind: str) -> Drawn:
    """Draw a stream that ends well: whatever it says, no failure may be seen in it."""
    speaker = SPEAKERS[kind]
    events: list[Event] = [speaker.first(r)]
    events += [r.choice(speaker.preludes)(r) for _ in range(r.randint(0, 3)) if speaker.preludes]
    good = (*speaker.contents, *speaker.healthy_errors, *speaker.preludes)
    for _ in range(r.randint(0, 3)):
        if r.random() < 0.3:
            events += [speaker.usual(r) for _ in range(r.randint(1, 40))]
        else:
            events += [r.choice(good)(r) for _ in range(r.randint(1, 5))]
    events += [r.choice(speaker.ends)(r) for _ in range(r.randint(1, 2)) if speaker.ends]
    return Drawn(kind, written(r, events), "in order", r.random() < 0.5)


def anything(r: Random, kind: str) -> Drawn:
    """Draw a stream that may do everything in any order."""
    speaker = SPEAKERS[kind]
    events: list[Event] = []
    if r.random() < 0.1 and speaker.failures:
        events.append(r.choice(speaker.failures)(r))
    if r.random() < 0.97:
        events.append(speaker.first(r))
    # What is likely, and what may follow on anything.
    parts = [
        *(speaker.contents, speaker.contents, speaker.preludes, speaker.healthy_errors),
        *(speaker.failures, speaker.stops, speaker.ends),
    ]
    for _ in range(r.randint(0, 8)):
        some = r.choice(parts)
        if r.random() < 0.2:
            events += [speaker.usual(r) for _ in range(r.randint(1, 30))]
        elif some:
            events.append(r.choice(some)(r))
    if r.random() < 0.5 and speaker.ends:
        events.append(r.choice(speaker.ends)(r))
    ends = r.choice(["in order", "in order", "left", "raised", "cut"])
    return Drawn(kind, written(r, events), ends, r.random() < 0.5)


def written(r: Random, events: list[Event]) -> list[bytes]:
    """Write events, with what says nothing between them."""
    style = Style(r)
    blocks = []
    noise = r.choice([0.0, 0.1, 0.5])
    for event in events:
        while r.random() < noise:
            blocks.append(style.ended(r.choice(QUIET).split(b"\n")))
        blocks.append(style.block(event))
    if r.random() < 0.05:
        blocks.insert(0, b"\xef\xbb\xbf")
    return blocks


def cut(r: Random, blocks: list[bytes]) -> list[bytes]:
    """Cut a stream: by event, by lumps of them, anywhere, or all at once."""
    whole = b"".join(blocks)
    way = r.randint(0, 4)
    if way <= 1:
        return [block for block in blocks if block]
    if way == 2:
        size = r.choice([1, 2, 3, 7, 40, 300])
        return [whole[at : at + size] for at in range(0, len(whole), size)]
    if way == 3:
        edges = sorted({0, len(whole), *(r.randint(0, len(whole)) for _ in range(r.randint(1, 9)))})
        return [whole[a:b] for a, b in pairwise(edges)]
    size = r.randint(2, 8)
    lumps = [b"".join(blocks[at : at + size]) for at in range(0, len(blocks), size)]
    return [lump for lump in lumps if lump]
