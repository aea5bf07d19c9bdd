"""A network that loses packets when told, and a machine that allows none."""

import asyncio
import os
import socket
import struct
from pathlib import Path

import pytest

from sse_observe.errors import LabError
from sse_observe.lab.programs.lossy_network import LossyNetwork
from tests.support.programs import absent, needs


@pytest.mark.slow
def test_it_loses_packets_on_demand_and_the_kernel_sends_them_again() -> None:
    """Every byte arrives all the same, and the sender's own counter shows what that took."""
    words = 60  # of which one in five is lost: none at all is less likely than one in 500,000
    counters: list[bytes] = []

    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(words):
            writer.write(b"word")
            await writer.drain()
            await asyncio.sleep(0.01)
        tcp = writer.get_extra_info("socket")
        counters.append(tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104))
        writer.close()

    async def listen(network: LossyNetwork) -> bytes:
        async with await asyncio.start_server(speak, sock=network.listeners[0]):
            network.lose(True)
            reader, writer = await network.dial()
            heard = await reader.read()
            writer.close()
            return heard

    try:
        network = LossyNetwork().start()
    except LabError as error:
        absent(str(error))
    try:
        assert asyncio.run(listen(network)) == b"word" * words
    finally:
        network.stop()
    (retransmitted,) = struct.unpack_from("I", counters[0], 100)
    assert retransmitted > 0


def test_without_namespaces_one_line_says_what_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program that refuses is named, and nothing is left running."""
    needs("ip")
    needs("nft")
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\necho unshare failed: Operation not permitted >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    with pytest.raises(LabError, match=r"no network namespace .*Operation not permitted"):
        LossyNetwork().start()


def test_a_network_that_was_not_started_says_so() -> None:
    """No crash on a socket that is not there."""
    with pytest.raises(LabError, match="was not started"):
        LossyNetwork().lose(True)
