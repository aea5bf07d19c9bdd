"""A scripted upstream behind a gateway with one fault: exactly that fault is found."""

import asyncio
from pathlib import Path

import pytest

from sse_observe.check.asking.exchange import Asking
from sse_observe.check.asking.question import Question
from sse_observe.check.doctor import Doctor
from sse_observe.check.model import Options
from sse_observe.check.truth.judge import CHECKS
from sse_observe.check.truth.run import Stage
from sse_observe.check.truth.script import Cut, End, Failure, Repeated, Run, Script
from sse_observe.errors import CheckError
from sse_observe.lab.programs.process import free_port
from tests.apps.gateway import gateway
from tests.support.hops import NGINX_RIGHT, nginx
from tests.support.programs import needs

pytestmark = pytest.mark.slow

SCRIPT = Script(
    "openai-chat",
    (
        Run("answer", (Repeated("tokens", 12, 0.1), End())),
        Run("failure", (Repeated("tokens", 2, 0.1), Failure("overloaded"), End())),
        Run("cut", (Repeated("tokens", 2, 0.1), Cut())),
        Run(
            "slow",
            (
                Repeated("tokens", 2, 0.1),
                Repeated("heartbeats", 3, 0.3),
                Repeated("tokens", 2, 0.1),
                End(),
            ),
        ),
    ),
)
FAULTS = {
    "absent": {"T1": "nobody asked the upstream"},
    "drops": {"T2": "did not arrive"},
    "repeats": {"T2": "came twice"},
    "collects": {"T3": "came over 0.0 s"},
    "swallows-error": {"T4": "the error was swallowed; an end came instead"},
    "invents-end": {"T5": "an end was invented"},
    "hides-cut": {"T5": "the answer ends in order"},
    "drops-end": {"T5": "the end that was sent did not arrive"},
    "mixes": {"T6": "pieces of 2 answers in one stream"},
    "shares": {"T6": "got the answer of another one"},
    "mutes-heartbeats": {"T7": "none of 3 heartbeats arrived"},
    "works-on": {"T8": "for nobody"},
    "age-limit": {"T9": "at an age of 2.0"},
    "idle-limit": {"T9": "an idle limit"},
    "": {},
}
ALSO = {
    # What is collected to the end is late, heartbeats too; nothing of it comes before a cut.
    "collects": {"T2", "T7"},
    # Another's answer in place of its own is not what the upstream was last told to send.
    "shares": {"T1", "T2", "T3", "T4", "T5", "T7", "T8"},
}
"""What must follow from a fault besides."""


def examined(fault: str, hold: float | None) -> dict[str, tuple[str, str]]:
    """Return the findings of the truth test before a gateway, by id."""

    async def run() -> dict[str, tuple[str, str]]:
        port = free_port()
        async with gateway(port, fault) as url:
            options = Options(hold_seconds=hold)
            doctor = Doctor(Question(url=url), options, Asking(), checks=())
            stage = Stage(SCRIPT, "127.0.0.1", port)
            found = await stage.compared(doctor, Asking(), options, lambda _, __: None)
        return {
            one.check.id: (one.finding.result, one.finding.evidence)
            for one in found.checked
            if one.check.id.startswith("T")
        }

    return asyncio.run(run())


@pytest.mark.parametrize("fault", FAULTS)
def test_exactly_the_fault_is_found(fault: str) -> None:
    """Its check fails and says what; nothing else does, and before a right gateway nothing."""
    limits = fault.endswith("limit")
    found = examined(fault, 5.0 if limits else None)
    failed = {name: words for name, (result, words) in found.items() if result in ("fail", "warn")}

    for name, words in FAULTS[fault].items():
        assert words in failed.get(name, ""), found
    if not limits:
        assert failed.keys() - ALSO.get(fault, set()) == FAULTS[fault].keys(), found
    if not fault:
        assert [result for result, _ in found.values()] == ["pass"] * 8 + ["not_asked"]


def test_a_real_limit_is_measured(tmp_path: Path) -> None:
    """Nginx' `proxy_read_timeout`: the same silence cuts, at whatever age."""

    async def run() -> str:
        port = free_port()
        needs("/usr/sbin/nginx")
        hop = nginx(f"{NGINX_RIGHT} proxy_read_timeout 2s;")(tmp_path / "nginx", port)
        try:
            options = Options(hold_seconds=7)
            question = Question(url=f"http://127.0.0.1:{hop.port}/v1")
            doctor = Doctor(question, options, Asking(), checks=())
            stage = Stage(Script("none", SCRIPT.runs[:1]), "127.0.0.1", port)
            found = await stage.compared(doctor, Asking(), options, lambda _, __: None)
        finally:
            hop.program.stop()
        [limit] = [one.finding for one in found.checked if one.check.id == "T9"]
        assert limit.cause == "idle_cut"
        return limit.evidence

    evidence = asyncio.run(run())
    seconds = float(evidence.removeprefix("cut after ").partition(" s")[0])
    assert seconds == pytest.approx(2.0, abs=0.5)


def test_every_check_has_a_gateway_that_breaks_it() -> None:
    """A tenth check needs a tenth fault."""
    assert {name for broken in FAULTS.values() for name in broken} == {c.id for c in CHECKS}


def test_a_busy_address_is_one_line() -> None:
    """The user's own service may listen there."""

    async def run() -> None:
        server = await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        doctor = Doctor(Question(url="http://127.0.0.1:1/"), Options(), Asking(), checks=())
        async with server:
            stage = Stage(SCRIPT, "127.0.0.1", port)
            await stage.compared(doctor, Asking(), Options(), lambda _, __: None)

    with pytest.raises(CheckError, match="choose another address"):
        asyncio.run(run())
