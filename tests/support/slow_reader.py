"""A slow reader of event streams, one character at a time, and what it counts."""

from dataclasses import dataclass, field

BOM = b"\xef\xbb\xbf"
HEARTBEATS = (b"heartbeat", b"ping", b"keepalive", b"keep-alive")


@dataclass
class Reading:
    """The sum of one stream."""

    events: list[tuple[str, int]] = field(default_factory=list)
    """(kind, size) of each event."""
    comments: int = 0
    payloads: int = 0
    payload_ids: list[bytes] = field(default_factory=list)
    """The id of each payload event that carries one itself."""
    payload_ends: list[int] = field(default_factory=list)
    """The place in the stream at which each payload event was complete."""
    terminal: bool = False
    failure: bool = False
    id: bytes = b""

    @property
    def payload(self) -> bool:
        """Whether there was any payload event."""
        return self.payloads > 0


def lines_of(stream: bytes) -> list[tuple[bytes, int]]:
    """Return each finished line and its size with its end."""
    found, line, at = [], bytearray(), 0
    while at < len(stream):
        if stream[at : at + 2] == b"\r\n":
            found.append((bytes(line), len(line) + 2))
            line, at = bytearray(), at + 2
        elif stream[at] in b"\r\n":
            found.append((bytes(line), len(line) + 1))
            line, at = bytearray(), at + 1
        else:
            line.append(stream[at])
            at += 1
    return found


def read(
    stream: bytes, *, declared: tuple[bytes, ...] = (), terminals: tuple[bytes, ...]
) -> Reading:
    """Read a whole stream by the standard."""
    done = Reading()
    block: list[tuple[bytes, int]] = []
    at = len(BOM) if stream.startswith(BOM) else 0
    for line, size in lines_of(stream.removeprefix(BOM)):
        at += size
        if line:
            block.append((line, size))
            continue
        before = done.payloads
        _block(done, block, declared, terminals)
        done.payload_ends += [at] * (done.payloads - before)
        block = []
    return done


def _block(
    done: Reading,
    block: list[tuple[bytes, int]],
    declared: tuple[bytes, ...],
    terminals: tuple[bytes, ...],
) -> None:
    name, data, comment, own = b"", [], False, None
    for line, _ in block:
        key, _, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if key == b"data":
            data.append(value)
        elif key == b"event":
            name = value
        elif key == b"id" and b"\0" not in value and len(line) <= 256:
            done.id = own = value
        elif key == b"" and line:
            comment = True
    if not data:
        done.comments += comment
        return
    name = b"" if name == b"message" else name
    ends = name in terminals
    if not name and data == [b"[DONE]"] and b"[DONE]" in terminals:
        ends, name = True, b"done"
    if name in declared:
        kind = name.decode()
    elif name in HEARTBEATS:
        kind = "heartbeat"
    elif name == b"done" or ends:
        kind = "done"
    else:
        kind = "other" if name else "message"
    done.events.append((kind, sum(size for _, size in block)))
    quiet = name in (*HEARTBEATS, b"sse.hello") and name not in declared
    if ends:
        done.terminal = True
    elif name == b"error":
        done.failure = True
    elif not quiet and data != [b""]:
        done.payloads += 1
        done.terminal = done.failure = False
        if own is not None:
            done.payload_ids.append(own)
