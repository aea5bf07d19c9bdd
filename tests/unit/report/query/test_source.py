"""Asking a Prometheus that is away, slow, closed, or something else: one line each, no secret."""

import base64
import gzip
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sse_observe.errors import ReportError
from sse_observe.report.query.source import Source, UnansweredError
from sse_observe.report.window import Window
from tests.support.programs import needs
from tests.support.report_source import NOW, FakePrometheus

HOUR = Window.fitting(NOW - 3600, NOW, 30)
SECRET = "Bearer hunter2"


@contextmanager
def saying(answer: bytes, *, then_wait: bool = False) -> Iterator[str]:
    """Answer every request with the same bytes; then hang up, or say nothing more."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if over.is_set():
                connection.close()
                return
            connection.recv(65_536)
            connection.sendall(answer)
            if then_wait:
                kept.append(connection)
            else:
                connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        # Closing a socket does not wake the thread that waits on it; a visitor does.
        socket.create_connection(listener.getsockname()).close()
        thread.join(10)
        for connection in (listener, *kept):
            connection.close()


def http(status: str, body: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", *headers, "", body]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http("401 Unauthorized", "no"), "answers 401: it wants credentials; add --header"),
        (http("403 Forbidden", ""), "answers 403: it wants credentials"),
        (
            http("302 Found", "", "Location: http://elsewhere.invalid/"),
            "302, a redirect; give the final address",
        ),
        (
            http("404 Not Found", ""),
            "answers 404 to /api/v1/query; give --prometheus the address before",
        ),
        (
            http("503 Busy", '{"status":"error","error":"too many"}'),
            "answers 503: too many; try again in a minute$",
        ),
        (http("400 Bad", "no org id"), "answers 400: no org id; add --header 'X-Scope-OrgID: …'$"),
        (http("500 Oops", "<h1>\u2028broken</h1>"), "answers 500: <h1> broken</h1>"),
        (http("400 Bad", "[1]"), "answers 400: \\[1\\]"),
        (http("400 Bad", '{"error":' + "[" * 5000), "answers 400: "),
        (http("200 OK", "<html>Grafana</html>"), "not an answer of a Prometheus API"),
        (http("200 OK", '{"status":"success"}'), "without data"),
        (http("200 OK", '{"status":"error","error":"no"}'), ": no$"),
        # Unpacked it would be larger than any answer may be.
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(1 << 25)),
            "not an answer of a Prometheus API",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "connection lost .*try again"),
        (b"", "connection lost .*try again"),
    ],
)
def test_each_refusal_is_one_line_with_its_remedy(answer: bytes, words: str) -> None:
    """Address first, then what is wrong, then what to do; never the token."""
    with saying(answer) as url, pytest.raises(ReportError, match=words) as caught:
        Source(url, [f"Authorization: {SECRET}"], timeout=20, sleep=str).at("up", NOW)

    assert str(caught.value).startswith(url)
    assert len(str(caught.value).splitlines()) == 1
    assert "hunter2" not in str(caught.value)


def test_silence_is_not_waited_for_forever() -> None:
    """Neither before the answer nor in the middle of it."""
    begun = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"
    for answer in (b"", begun):
        with (
            saying(answer, then_wait=True) as url,
            pytest.raises(UnansweredError, match=r"within 0\.2"),
        ):
            Source(url, timeout=0.2).at("up", NOW)


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer larger than any of the catalogue's queries gives is not read to its end."""
    monkeypatch.setattr("sse_observe.report.query.source.MOST_BYTES", 1000)

    with (
        saying(http("200 OK", "x" * 5000)) as url,
        pytest.raises(ReportError, match="choose a shorter window"),
    ):
        Source(url).at("up", NOW)


def test_nobody_there_is_an_error_at_once() -> None:
    """A port without a listener, and a host that does not exist."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnansweredError, match="connection refused"):
        Source(f"http://127.0.0.1:{port}").at("up", NOW)


def test_headers_are_sent_and_the_address_is_tidied() -> None:
    """A token reaches the source; /api/v1 at the end of the address is taken for what it is."""
    with FakePrometheus([("", [({"route": "/a"}, 1.5)])]) as fake:
        source = Source(f"{fake.url}/api/v1/", [f"Authorization: {SECRET}", "X-Scope-OrgID: team"])
        found = source.over("up", HOUR)

    ((headers, given),) = fake.asked
    sent = {name.lower(): value for name, value in headers.items()}
    assert (sent["authorization"], sent["x-scope-orgid"]) == (SECRET, "team")
    assert float(given["step"]) == 30
    assert source.url == fake.url
    assert len(found.series[0].points) == HOUR.points


@pytest.mark.parametrize(
    ("url", "header", "words"),
    [
        ("localhost:9090", "", "not a web address"),
        ("http://", "", "not a web address"),
        ("http://h:99999", "", "not a web address"),
        ("http://[::1", "", "not a web address"),
        ("me:hunter2@h:9090", "", "--prometheus …@h:9090: not a web address"),
        ("http://me:hunter2@h:99999", "", "--prometheus …@h:99999: not a web address"),
        ("http://me:hunt@er2@h:99999", "", "--prometheus …@h:99999: not a web address"),
        ("http://me:hunter2@h", "Authorization: hunter2", "given twice"),
        ("http://h/a b", "", "spaces or letters"),
        ("http://h", "hunter2", "write it like 'Authorization"),
        ("http://h", "A uth: hunter2", "write it like"),
        ("http://h", "Auth: hunter2\r\nX: y", "characters that no header"),
        ("http://h", "Auth: hunt\u00e9r2", "characters that no header"),
    ],
)
def test_a_wrong_address_or_header_is_refused_without_repeating_it(
    url: str, header: str, words: str
) -> None:
    """A text that may be a password is not written to a terminal or a log of it."""
    with pytest.raises(ReportError, match=words) as caught:
        Source(url, [header] if header else [])

    assert "hunter2" not in str(caught.value)


def test_a_name_and_a_password_in_the_address_are_sent_and_shown_nowhere() -> None:
    """They become the header that they stand for; the address that a report shows has neither."""
    with FakePrometheus([("", [({}, 1.0)])]) as fake:
        source = Source(fake.url.replace("://", "://me:hunter%402@"))
        source.at("up", NOW)

    ((headers, _),) = fake.asked
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"me:hunter@2"
    assert source.url == fake.url


def test_a_header_given_twice_is_refused() -> None:
    """One of two would be dropped without a word; whatever capitals they are written in."""
    with pytest.raises(ReportError, match="--header x-scope-orgid: given twice"):
        Source("http://h", ["X-Scope-OrgID: a", "x-scope-orgid: b"])


def test_what_was_only_busy_is_asked_once_more() -> None:
    """A query refused at once may succeed a second later; a slow one would be slow again."""
    busy = http("503 Busy", "{}")
    now = iter(range(0, 100, 5))
    pauses: list[float] = []
    with saying(busy) as url, pytest.raises(ReportError, match="answers 503"):
        Source(url, clock=lambda: 0.0, sleep=pauses.append).at("up", NOW)
    assert pauses == [1.0]

    with saying(busy) as url, pytest.raises(ReportError, match="answers 503"):
        Source(url, clock=lambda: next(now), sleep=pauses.append).at("up", NOW)
    assert pauses == [1.0]


@pytest.mark.slow
def test_a_certificate_of_its_own_is_one_line_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that nobody vouches for is refused; whoever names it is answered."""
    words = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    words += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    command = [needs("openssl"), "req", *words, *files]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")

    with FakePrometheus([("", [({}, 1.0)])], context=context) as fake:
        with pytest.raises(UnansweredError, match="SSL_CERT_FILE to the file") as caught:
            Source(fake.url).at("up", NOW)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        found = Source(fake.url).at("up", NOW)

    assert len(str(caught.value).splitlines()) == 1
    assert len(found.series) == 1


def test_plain_http_behind_https_is_one_line() -> None:
    """The other way to get TLS wrong."""
    with FakePrometheus() as fake, pytest.raises(UnansweredError, match=r"TLS: .*check --prom"):
        Source(fake.url.replace("http:", "https:")).at("up", NOW)
