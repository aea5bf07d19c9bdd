"""Real proxies with real faults: the verdict names the hop and the cause, and no other."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from sse_observe.check.asking.connection import Dialing, Trust
from sse_observe.check.asking.exchange import Asking
from sse_observe.check.asking.question import Question
from sse_observe.check.doctor import Doctor, Examination
from sse_observe.check.model import Flag, Options
from tests.apps.stream_apps import APPS, application, compressor
from tests.support.hops import (
    CLEAN,
    NGINX_RIGHT,
    NO_DELAY,
    PASS,
    Running,
    Start,
    caddy,
    certificate,
    haproxy,
    hypercorn,
    nginx,
    varnish,
)
from tests.support.programs import needs
from tests.support.servers import serve

pytestmark = [pytest.mark.slow, pytest.mark.long]

AT_ONCE = 8
"""Checks side by side: more would measure the machine."""


class Fault(NamedTuple):
    """A proxy with one fault; `old` if it needs an application that answers without chunks."""

    name: str
    start: Start
    cause: str
    words: str
    path: str = "/plain"
    old: bool = False
    flags: frozenset[Flag] = frozenset()
    clean: str = "nginx"
    """The proxy on the other side of it, which has no fault."""


RESUME: frozenset[Flag] = frozenset({"resume"})
CHUNKED = 'proxy_http_version 1.1; proxy_set_header Connection "";'
GZIP = "gzip on; gzip_types text/event-stream; gzip_min_length 1; gzip_proxied any;"
CACHE = "proxy_cache_path {home}/cache keys_zone=z:1m; "
KEEP = "proxy_cache z; proxy_cache_valid 200 1m; proxy_ignore_headers Cache-Control Expires;"
UNGZIPPED = "sub vcl_backend_response { set beresp.do_gzip = true; }"
FETCHED = "sub vcl_backend_response { set beresp.do_stream = false; }"
BETWEEN = "sub vcl_backend_fetch { set bereq.between_bytes_timeout = 1s; }"
HOP_FAULTS = (
    Fault(
        "nginx-defaults",
        nginx(""),
        *("whole", "end of the answer"),
        path="/plain/small",
        old=True,
        clean="haproxy",
    ),
    Fault(
        "nginx-4k",
        nginx("proxy_buffer_size 4k; proxy_buffers 8 4k;"),
        *("buffer", "4 KB buffer"),
        old=True,
        clean="haproxy",
    ),
    Fault(
        "nginx-64k",
        nginx("proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 64k;"),
        *("buffer", "64 KB buffer"),
        path="/plain/bulky",
        old=True,
        clean="haproxy",
    ),
    Fault("nginx-gzip", nginx(f"{CHUNKED} {GZIP}"), "compressor", "gzip", clean="caddy"),
    Fault(
        "nginx-read-timeout",
        nginx(f"{NGINX_RIGHT} proxy_read_timeout 1s;"),
        *("idle_cut", "after 1 s of silence"),
        path="/plain/silent",
        clean="caddy",
    ),
    Fault(
        "nginx-cache",
        nginx(f"{CHUNKED} {KEEP}", CACHE),
        *("cached", "cache"),
        path="/plain/cacheable",
        clean="caddy",
    ),
    Fault(
        "nginx-no-cursor",
        nginx(f'{NGINX_RIGHT} proxy_set_header Last-Event-ID "";'),
        *("cursor", "Last-Event-ID"),
        flags=RESUME,
        clean="haproxy",
    ),
    Fault("nginx-error", nginx(f"{NGINX_RIGHT} return 502;"), "answer", "502", clean="caddy"),
    Fault("haproxy-delay", haproxy(), "batch", "flushed every", path="/plain/brisk"),
    Fault(
        "haproxy-timeout",
        haproxy(f"{NO_DELAY}\n timeout server 1s"),
        *("idle_cut", "of silence"),
        path="/plain/silent",
    ),
    Fault(
        "haproxy-content-type",
        haproxy(NO_DELAY, " http-response set-header content-type text/plain"),
        *("answer", "text/plain"),
        clean="caddy",
    ),
    Fault(
        "haproxy-no-cursor",
        haproxy(NO_DELAY, " http-request del-header last-event-id"),
        *("cursor", "Last-Event-ID"),
        flags=RESUME,
        clean="caddy",
    ),
    Fault("caddy-buffers", caddy("buffer_responses"), "whole", "end of the answer"),
    Fault(
        "caddy-read-timeout",
        caddy("transport http {\n read_timeout 1s\n}"),
        *("idle_cut", "of silence"),
        path="/plain/silent",
    ),
    Fault(
        "caddy-write-timeout",
        caddy(options="servers {\n timeouts {\n write 2s\n }\n }"),
        *("age_cut", "an age of 2 s"),
    ),
    Fault("caddy-page", caddy(site="respond /plain <html>down</html> 503"), "answer", "503"),
    Fault("varnish-whole", varnish(FETCHED), "whole", "end of the answer"),
    # It inflates for those who accept nothing, and holds back for them as well.
    Fault("varnish-gzip", varnish(UNGZIPPED), "whole", "end of the answer"),
    Fault("varnish-cache", varnish(), "cached", "cache", path="/plain/cacheable", clean="caddy"),
    Fault(
        "varnish-between",
        varnish(f"{PASS}\n{BETWEEN}"),
        *("idle_cut", "of silence"),
        path="/plain/silent",
    ),
    Fault(
        "nginx-http2",
        nginx(
            "",
            listen="ssl http2; ssl_certificate {home}/../cert.pem;"
            " ssl_certificate_key {home}/../key.pem",
            scheme="https",
        ),
        *("whole", "end of the answer"),
        path="/plain/small",
        old=True,
        clean="haproxy",
    ),
)
PROGRAMS = ("/usr/sbin/nginx", "/usr/sbin/haproxy", "/usr/sbin/varnishd", "caddy", "openssl")


class Stage:
    """Everything that runs for a matrix: applications, and chains of hops before them."""

    def __init__(self, stack: ExitStack, home: Path) -> None:
        self.home = home
        self.stack = stack
        self.count = 0
        for program in PROGRAMS:
            needs(program)
        certificate(home)
        (home / "old").mkdir()
        self.app = int(stack.enter_context(serve(application())).rpartition(":")[2])
        self.squeezed = int(
            stack.enter_context(serve(compressor(application()))).rpartition(":")[2]
        )
        factory = "tests.apps.stream_apps:application()"
        self.old = stack.enter_context(hypercorn(factory, home / "old"))

    def hop(self, start: Start, upstream: int) -> Running:
        """Start a hop before a port."""
        self.count += 1
        running = start(self.home / f"hop{self.count}", upstream)
        self.stack.callback(running.program.stop)
        return running

    def asking(self) -> Asking:
        """Trust the certificate of the stage."""
        return Asking(dialing=Dialing(trust=Trust(self.home / "cert.pem")))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return the stage, which is taken down at the end."""
    with ExitStack() as stack:
        yield Stage(stack, tmp_path_factory.mktemp("hops"))


def url(running: Running | int, path: str) -> str:
    """Return the address of a stream at a hop or an application."""
    if isinstance(running, int):
        return f"http://127.0.0.1:{running}{path}"
    return f"{running.scheme}://127.0.0.1:{running.port}{path}"


class Case(NamedTuple):
    """One cell: the way to check, and where its fault is."""

    doctor: Doctor
    outer: str
    inner: str


def case(stage: Stage, fault: Fault, position: str) -> Case:
    """Put a faulty hop outside or inside, with one on the other side that does nothing wrong."""
    app = stage.old if fault.old else stage.app
    if position == "outer":
        behind = stage.hop(CLEAN[fault.clean], app)
        first = stage.hop(fault.start, behind.port)
        way, around = [first, behind, app], (first.port, behind.port)
    else:
        behind = stage.hop(fault.start, app)
        # What asks a hop of TLS has to speak it; nothing of ours does.
        first = behind if behind.scheme == "https" else stage.hop(CLEAN[fault.clean], behind.port)
        way = [behind, app] if first is behind else [first, behind, app]
        around = (behind.port, app)
    questions = [Question(url=url(each, fault.path)) for each in way]
    doctor = Doctor(questions[0], Options(flags=fault.flags), stage.asking(), via=questions[1:])
    return Case(doctor, *(f"127.0.0.1:{port}" for port in around))


def all_run(doctors: list[Doctor]) -> list[Examination]:
    """Run every examination, some at a time."""

    async def run() -> list[Examination]:
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(doctor: Doctor) -> Examination:
            async with slots:
                return await doctor.run()

        return await asyncio.gather(*map(one, doctors))

    return asyncio.run(run())


CELLS = [(fault, position) for fault in HOP_FAULTS for position in ("outer", "inner")]


@pytest.fixture(scope="module")
def matrix(stage: Stage) -> dict[tuple[str, str], tuple[Case, Examination]]:
    """
    Return every cell with what was found there.

    A starved machine delivers in bursts itself, and late: whoever was told of another place, or of
    something else, is asked again, alone.
    """
    cases = [case(stage, fault, position) for fault, position in CELLS]
    found = all_run([one.doctor for one in cases])
    cells = {}
    for (fault, position), one, first in zip(CELLS, cases, found, strict=True):
        cell = one, first
        if [verdict.cause for verdict in first.verdicts] != [fault.cause]:
            again = case(stage, fault, position)
            cell = again, all_run([again.doctor])[0]
        cells[fault.name, position] = cell
    return cells


def test_the_matrix_has_forty_cells() -> None:
    """Twenty-one faults, each outside and inside."""
    assert len(CELLS) >= 40


@pytest.mark.parametrize(
    ("fault", "position"), CELLS, ids=[f"{fault.name}-{position}" for fault, position in CELLS]
)
def test_the_verdict_names_the_hop_and_the_cause(
    fault: Fault, position: str, matrix: dict[tuple[str, str], tuple[Case, Examination]]
) -> None:
    """Between which two places it is, what it does, for certain; and no other hop is blamed."""
    one, found = matrix[fault.name, position]
    named = [(v.outer, v.inner, v.cause) for v in found.verdicts]

    assert named == [(one.outer, one.inner, fault.cause)], [str(v) for v in found.verdicts]
    assert fault.words in found.verdicts[0].words
    assert found.verdicts[0].sure


CLEAN_CELLS = [(hop, app) for hop in ("direct", *CLEAN) for app in APPS]


@pytest.fixture(scope="module")
def clean(stage: Stage) -> dict[tuple[str, str], Examination]:
    """Return what was found at every healthy stream, directly and through every right proxy."""
    hops = {name: stage.hop(start, stage.app) for name, start in CLEAN.items()}
    doctors = [
        Doctor(Question(url=url(hops.get(hop, stage.app), f"/{app}")), Options(), stage.asking())
        for hop, app in CLEAN_CELLS
    ]
    return dict(zip(CLEAN_CELLS, all_run(doctors), strict=True))


@pytest.mark.parametrize(("hop", "app"), CLEAN_CELLS)
def test_a_clean_way_gets_no_wrong_warning(
    hop: str, app: str, clean: dict[tuple[str, str], Examination]
) -> None:
    """No check complains where nothing is wrong, and no hop is blamed."""
    found = clean[hop, app]
    complaints = {
        one.check.id: one.finding.evidence
        for one in found.checked
        if one.finding.result in ("warn", "fail")
    }

    assert complaints == {}
    assert found.verdicts == ()


def test_a_compressor_of_the_application_is_named(stage: Stage) -> None:
    """Like Next.js': with gzip nothing comes, without it all flows; its own header shows it."""
    [found] = all_run([Doctor(Question(url=url(stage.squeezed, "/plain")), Options(), Asking())])

    [verdict] = found.verdicts
    assert verdict.cause == "compressor"
    assert not verdict.sure
    assert "Next.js" in verdict.where
    assert verdict.fixes == ("nextjs",)
    assert found.exit_code == 2
