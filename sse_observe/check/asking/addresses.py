"""
The addresses of a host, and which of them may be asked.

A prober that asks what strangers name must not reach what only it can reach. So a name is
resolved once, every address is judged, and the connection goes to a judged address.
"""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

from sse_observe.check.asking.failures import AskError, dns_failure

Judge = Callable[[str], bool]
"""Whether an address, as text, may be asked."""

_NAT64 = ip_network("64:ff9b::/96")
_LOCAL_NAT64 = ip_network("64:ff9b:1::/48")
_COMPATIBLE = ip_network("::/96")


class Address(NamedTuple):
    """One address of a host."""

    family: socket.AddressFamily
    address: tuple[str, int] | tuple[str, int, int, int]

    def __str__(self) -> str:
        """Return it without the port."""
        return self.address[0]


def any_address(address: str) -> bool:  # noqa: ARG001 - a judge that lets everything pass
    """Let every address pass: what the user named on the command line is theirs to ask."""
    return True


def public_address(address: str) -> bool:
    """Let an address of the public internet pass, and no other, however it is written."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(_is_public(each) for each in (found, *_embedded(found)))


def _is_public(found: IPv4Address | IPv6Address) -> bool:
    return found.is_global and not (found.is_multicast or found.is_reserved)


def _embedded(found: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address leads to."""
    if isinstance(found, IPv4Address):
        return []
    inner = [found.ipv4_mapped, found.sixtofour, *(found.teredo or ())]
    if found in _NAT64 or found in _LOCAL_NAT64 or found in _COMPATIBLE:
        inner.append(IPv4Address(int(found) & 0xFFFFFFFF))
    return [each for each in inner if each is not None]


async def resolve(host: str, port: int, judge: Judge = any_address) -> list[Address]:
    """
    Return the addresses of a host that may be asked; AskError where there is none.

    One address that may not be asked is enough to refuse the host: what a name says twice may
    be meant for us.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        failure = error if isinstance(error, OSError) else OSError()
        raise dns_failure(host, failure) from None
    addresses = [
        Address(family, address[:4])  # type: ignore[arg-type]
        for family, _, _, _, address in found
        if family in (socket.AF_INET, socket.AF_INET6)
    ]
    for each in addresses:
        if not judge(str(each)):
            raise AskError("forbidden", f"{host}: is no public address; it is not asked")
    return addresses
