"""The table of docs/operations/security.md: what listens where, held against what is there."""

import ast
import re
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from typer.main import get_command

from sse_observe import SSEMetrics, metrics_server
from sse_observe.cli.app import app
from sse_observe.lab.drill.external_stack import LISTEN
from sse_observe.lab.programs.process import free_port
from tests.support.command import SSE_OBSERVE
from tests.support.paths import ROOT
from tests.support.programs import needs
from tests.support.waiting import wait_until

PACKAGE = ROOT / "sse_observe"
COMPOSE = PACKAGE / "render/templates/provisioning/compose.yaml.j2"
ROWS = dict(
    re.findall(
        r"^\| `?([^|`]+)`? \| ([^|]+) \|",
        (ROOT / "docs/operations/security.md").read_text(),
        re.MULTILINE,
    )
)
LAB = ("sse-observe demo", "sse-observe drill")
LOOPBACK = "127.0.0.1"

# Each module that opens a port, and the rows of the table that say so.
OPENING = {
    "boards/server.py": ("sse-observe boards",),
    "check/local/server.py": ("sse-observe check --app",),
    "check/production/slow_link.py": ("sse-observe check --production",),
    "check/truth/upstream.py": ("sse-observe check --upstream-script",),
    "exposition/server.py": ("metrics_server(port)",),
    "lab/drill/service.py": LAB,
    "lab/programs/alertmanager.py": LAB,
    "lab/programs/cutting_proxy.py": LAB,
    "lab/programs/lossy_network.py": LAB,
    "lab/programs/process.py": LAB,
    "lab/programs/prometheus.py": LAB,
    "lab/programs/server.py": LAB,
    "probe/server.py": ("sse-observe probe",),
}
# An address that whoever calls has chosen; its default is looked at by itself.
CHOSEN = {
    "check/truth/upstream.py": {"host"},
    "exposition/server.py": {"(host, port)"},
    "lab/drill/service.py": {"address"},
    "lab/programs/alertmanager.py": {"{self.address}"},
    "probe/server.py": {"(host, int(port))"},
}


def opened(path: Path) -> set[str]:
    """Return the addresses that a module listens on, as its source writes them."""
    text = path.read_text()
    found = set(re.findall(r"--web\.listen-address=(.+?)\"", text))
    for call in ast.walk(ast.parse(text)):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        place = {"bind": 0, "create_server": 0, "start_server": 1}.get(call.func.attr)
        # With `sock=` it was bound before; a map of URLs binds something else.
        if place is not None and place < len(call.args) < place + 3 and not _is_url_map(call):
            found.add(ast.unparse(call.args[place]))
    return found


def _is_url_map(call: ast.Call) -> bool:
    return "url_map" in ast.unparse(call.func)


def test_what_opens_a_port_is_in_the_table_and_on_loopback() -> None:
    """Whoever adds a listener says there who may ask it; no other address is written anywhere."""
    found = {str(path.relative_to(PACKAGE)): opened(path) for path in PACKAGE.rglob("*.py")}
    found = {path: addresses for path, addresses in found.items() if addresses}

    assert sorted(found) == sorted(OPENING)
    assert {row for rows in OPENING.values() for row in rows} <= set(ROWS)
    for path, addresses in found.items():
        others = {one for one in addresses if "127.0.0.1" not in one}
        assert others == CHOSEN.get(path, set()), path


@pytest.mark.parametrize(
    ("command", "option", "row"),
    [
        ("probe", "--listen", "sse-observe probe"),
        ("check", "--upstream-listen", "sse-observe check --upstream-script"),
        ("drill", "--listen", "sse-observe drill"),
    ],
)
def test_the_default_of_an_option_is_the_one_of_the_table(
    command: str, option: str, row: str
) -> None:
    """A default that moves to another port, or to the network, moves in the table too."""
    found = get_command(app).commands[command]  # type: ignore[attr-defined]
    (default,) = [one.default for one in found.params if option in one.opts]

    assert f"`{default or LISTEN}`" in ROWS[row]
    assert f"`{option}` opens it" in ROWS[row]


def test_no_other_option_says_where_to_listen() -> None:
    """One that did would need its row."""
    found = {
        f"{name} {option}"
        for name, command in get_command(app).commands.items()  # type: ignore[attr-defined]
        for one in command.params
        for option in one.opts
        if re.search(r"listen|bind|host$", option)
    }

    assert found == {"check --upstream-listen", "drill --listen", "probe --listen"}


def test_the_compose_stack_publishes_the_ports_of_the_table() -> None:
    """Each on loopback."""
    published = re.findall(r'ports: \["([\d.]+):(\d+):\d+"\]', COMPOSE.read_text())
    _, _, ports = ROWS["the compose stack"].partition(": ")

    assert {address for address, _ in published} == {"127.0.0.1"}
    assert sorted(port for _, port in published) == ports.split(", ")
    assert COMPOSE.read_text().count("ports:") == len(published)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_metrics_server_listens_on_loopback() -> None:
    """By default; a container's port is opened by who wants it open."""
    with closing(metrics_server(0, metrics=SSEMetrics(CollectorRegistry()))) as server:
        found = {address for address, port in listening(own()) if port == server.port}

    assert found == {LOOPBACK}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("command", ["demo", "drill", "boards", "probe"])
def test_whatever_a_command_starts_listens_on_loopback_alone(command: str, tmp_path: Path) -> None:
    """Its own port and those of its children, as the kernel has them."""
    port = str(free_port())
    probes = tmp_path / "probes.yaml"
    probes.write_text("modules: {feed: {}}\ntargets: []\n")
    words = {
        "demo": ["--port", port],
        "drill": ["freeze"],
        "boards": ["--port", port, "--prometheus", f"http://127.0.0.1:{free_port()}"],
        "probe": ["--config", str(probes), "--listen", f"127.0.0.1:{port}"],
    }
    expected = 1
    if command == "demo":
        needs("prometheus")
        expected = 2
    elif command == "drill":
        needs("prometheus-alertmanager")
        expected = 3
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*SSE_OBSERVE, command, *words[command]], **quiet) as process:
        try:
            wait_until(lambda: len(listening(family(process.pid))) >= expected, command)
            found = listening(family(process.pid))
        finally:
            process.terminate()
            process.wait(60)

    assert {address for address, _ in found} == {LOOPBACK}
    # The drill takes any port.
    assert command == "drill" or int(port) in {port for _, port in found}


def own() -> set[int]:
    """Return the inodes of this process' sockets."""
    return _sockets(Path("/proc/self"))


def family(pid: int) -> set[int]:
    """Return the inodes of the sockets of a process and of its children."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            child, _, rest = stat.read_text().partition(" ")
        except OSError:
            continue  # it has ended
        parents[int(child)] = int(rest.rpartition(")")[2].split()[1])
    members = {pid}
    while more := {child for child, parent in parents.items() if parent in members} - members:
        members |= more
    return {inode for one in members for inode in _sockets(Path(f"/proc/{one}"))}


def _sockets(process: Path) -> set[int]:
    found = set()
    for number in list((process / "fd").glob("*")):
        try:
            target = str(number.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(int(target[8:-1]))
    return found


def listening(inodes: set[int]) -> set[tuple[str, int]]:
    """Return the addresses and ports on which these sockets listen."""
    found = set()
    for table, family_ in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            parts = line.split()
            if parts[3] == "0A" and int(parts[9]) in inodes:
                address, _, port = parts[1].partition(":")
                raw = b"".join(
                    int(address[i : i + 8], 16).to_bytes(4, sys.byteorder)
                    for i in range(0, len(address), 8)
                )
                found.add((socket.inet_ntop(family_, raw), int(port, 16)))
    return found
