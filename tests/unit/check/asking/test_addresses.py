"""Which addresses may be asked: however they are written, private ones may not by strangers."""

import asyncio
import socket

import pytest

from sse_observe.check.asking.addresses import any_address, public_address, resolve
from sse_observe.check.asking.failures import AskError

PRIVATE = (
    *("127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254"),
    *("0.0.0.0", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1"),
    *("ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe"),
    *("64:ff9b::7f00:1", "64:ff9b::169.254.169.254", "2002:7f00:1::", "2002:a00:1::"),
    *("::127.0.0.1", "2001:0:7f00:1::", "64:ff9b:1::a00:1", "not an address"),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_may_not_be_asked(address: str) -> None:
    """Not by another notation, and not inside an IPv6 address that leads there."""
    assert not public_address(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111"])
def test_a_public_address_may_be_asked(address: str) -> None:
    """The internet is what a prober is for."""
    assert public_address(address)


def test_one_address_that_may_not_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a public and a private address is refused before anything is sent."""
    answers = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 80)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 80)),
    ]

    async def lookup(*_: object, **__: object) -> list[object]:
        return list(answers)

    async def run() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
        await resolve("twice.test", 80, public_address)

    with pytest.raises(AskError, match="no public address"):
        asyncio.run(run())


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "localhost"])
def test_every_way_to_write_this_machine_is_refused(host: str) -> None:
    """Judged is what the name leads to, not how it is written."""
    with pytest.raises(AskError) as refused:
        asyncio.run(resolve(host, 80, public_address))

    assert refused.value.kind in ("forbidden", "dns")


def test_a_command_line_may_ask_anything() -> None:
    """Its user may ask whatever they name."""
    found = asyncio.run(resolve("127.0.0.1", 80, any_address))

    assert [str(each) for each in found] == ["127.0.0.1"]
