"""The stack around a user's service: run as far as it can be here, else held to the documents."""

import re
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
import yaml
from typer.testing import CliRunner

from sse_observe.cli.app import app
from sse_observe.errors import SettingsError
from sse_observe.lab.programs.api import answers
from sse_observe.lab.programs.process import Program, free_port
from sse_observe.lab.programs.prometheus import PrometheusAPI
from sse_observe.render.bundle import bundle, render_to
from sse_observe.render.targets.provisioning import FILES, PROBER
from tests.support.command import SSE_OBSERVE
from tests.support.programs import needs
from tests.support.raw_answers import HEAD, LAST, answering, chunk
from tests.support.redis_server import RedisServer
from tests.support.rendered import default_target
from tests.support.servers import RawClient, serve_process

TRACE = "0af7651916cd43dd8448eb211c80319c"
# Keys that Compose and Grafana document, as far as the stack uses them.
SERVICE_KEYS = {
    *("image", "command", "environment", "extra_hosts", "ports", "volumes", "restart"),
    *("cap_drop", "security_opt"),
}
DATASOURCE_KEYS = {"name", "uid", "type", "access", "url", "isDefault", "editable", "jsonData"}
PROVIDER_KEYS = {
    *("name", "type", "folder", "folderUid", "allowUiUpdates", "disableDeletion"),
    *("updateIntervalSeconds", "options"),
}


@cache
def stack() -> dict[str, Any]:
    """Return the files of the default settings, read."""
    return {name: yaml.safe_load(text) for name, text in default_target("provisioning").items()}


def services() -> dict[str, Any]:
    """Return the services among them."""
    return dict(stack()["compose.yaml"]["services"])


def given(folder: Path, text: str) -> Path:
    path = folder / "sse-observe.yaml"
    path.write_text(text)
    return path


def mounts(service: str) -> dict[str, str]:
    """Return what a service sees at each of its paths, as its compose file writes it."""
    pairs = (volume.split(":")[:2] for volume in services()[service]["volumes"])
    return {inside: outside for outside, inside in pairs}


class Outside:
    """The files and names of the containers as they are on this machine."""

    def __init__(self, folder: Path, names: dict[str, str]) -> None:
        self.folder = folder
        self.names = names

    def command(self, service: str, program: str, *more: str) -> list[str]:
        """Return a service's own command; its configuration is a copy with names of this side."""
        words = [self.of(service, word) for word in services()[service]["command"]]
        config = Path(words[0].removeprefix("--config.file="))
        here = self.folder / f"{service}.yml"
        here.write_text(self.of(service, config.read_text()))
        return [program, f"--config.file={here}", *words[1:], *more]

    def of(self, service: str, text: str) -> str:
        names = dict(self.names)
        for inside, outside in mounts(service).items():
            beside = self.folder / ("provisioning" if outside.startswith(".") else "volumes")
            names[inside] = str((beside / outside).resolve())
        longest_first = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
        return re.sub(rf"(?<![\w/])(?:{longest_first})", lambda found: names[found[0]], text)


def started(command: list[str], url: str, log: Path) -> Program:
    return Program(command, log=log, ready=partial(answers, f"{url}/-/ready"), ready_seconds=60)


def until(true: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found
    return found


def exemplars(api: PrometheusAPI) -> set[str]:
    """Return the traces that both histograms lead to; nothing before both do."""
    names = "sse_time_to_first_event_seconds_bucket", "sse_stream_duration_seconds_bucket"
    span = {"start": time.time() - 300, "end": time.time() + 60}
    found = [api.get("query_exemplars", query=name, **span) for name in names]
    traces = [one["labels"]["trace_id"] for all_ in found for s in all_ for one in s["exemplars"]]
    return set(traces) if all(found) else set()


@pytest.mark.slow
def test_prometheus_and_alertmanager_start_with_the_commands_of_the_stack(tmp_path: Path) -> None:
    """Paths mapped, names resolved, all else as in the containers: from a rule to a trace."""
    settings = given(
        tmp_path,
        "scrape_interval: 1s\n"
        "provisioning: {job: chat, labels: {env: test}, targets: ['host.docker.internal:8000']}\n"
        'selector: env=~"test|production"\n',
    )
    render_to(tmp_path, settings, targets=["provisioning"])
    with serve_process("tests.apps.trace_app:app") as server:
        service = server.url.removeprefix("http://")
        pager, judge = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        names = {"host.docker.internal:8000": service}
        outside = Outside(tmp_path, {**names, "alertmanager:9093": pager})
        with (
            started(
                outside.command(
                    "alertmanager",
                    needs("prometheus-alertmanager"),
                    f"--web.listen-address={pager}",
                ),
                f"http://{pager}",
                tmp_path / "alertmanager.log",
            ),
            started(
                outside.command("prometheus", needs("prometheus"), f"--web.listen-address={judge}"),
                f"http://{judge}",
                tmp_path / "prometheus.log",
            ),
        ):
            api = PrometheusAPI(f"http://{judge}")
            (seen,) = until(lambda: api.query('sse_build_info{job="chat", env="test"}'))
            joined = until(lambda: api.get("alertmanagers")["activeAlertmanagers"])
            rules = api.rules()
            for sampled, trace in (("01", TRACE), ("00", "1" * 32)):
                asked = {"traceparent": f"00-{trace}-b7ad6b7169203331-{sampled}"}
                with RawClient(f"{server.url}/s?wait=0.01", headers=asked) as client:
                    client.until_end()
            traced = until(lambda: exemplars(api))

    assert seen.labels["instance"] == service
    assert joined == [{"url": f"http://{pager}/api/v2/alerts"}]
    kinds = [rule.kind for rule in rules]
    files = bundle(settings).files
    assert kinds.count("recording") == files["alerts/sse-recording-rules.yaml"].count("- record:")
    assert kinds.count("alerting") == files["alerts/sse-alerts.yaml"].count("- alert:")
    assert not [rule.last_error for rule in rules if rule.last_error]
    # The trace that was recorded, not the one that was not.
    assert traced == {TRACE}


def test_what_compose_mounts_is_in_the_bundle() -> None:
    """A path that does not exist would be made by Docker: an empty folder, and no word of it."""
    files = bundle(None, targets=["provisioning"]).files
    for name, service in services().items():
        assert service.keys() <= SERVICE_KEYS
        for inside, outside in mounts(name).items():
            if outside.startswith("."):
                path = (
                    outside.removeprefix("../") if ".." in outside else f"provisioning{outside[1:]}"
                )
                assert any(file.startswith(f"{path}/") for file in files), outside
                assert f"{outside}:{inside}:ro" in service["volumes"]
            else:
                assert outside in stack()["compose.yaml"]["volumes"]


def test_nothing_of_the_stack_is_open_to_strangers() -> None:
    """Loopback alone, no rights, versions that were chosen, and no password to be guessed."""
    for service in services().values():
        assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service["ports"])
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", service["image"])
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    password = services()["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"]
    # Compose's own word for "required": it ends with this message where the variable is missing.
    assert re.fullmatch(r"\$\{GRAFANA_ADMIN_PASSWORD:\?[^}]+\}", password)


OWN_PROBER = "probes: {prober: 'prober:9470', targets: [feed-eu]}"


def prober_of(tmp_path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the stack's own prober, and all files."""
    files = bundle(given(tmp_path, OWN_PROBER), targets=["provisioning"]).files
    return yaml.safe_load(files["provisioning/compose.yaml"])["services"]["prober"], dict(files)


def test_a_prober_comes_with_the_stack_where_its_address_says_so(tmp_path: Path) -> None:
    """As closed as the rest, from a version that was chosen; one elsewhere brings none."""
    prober, files = prober_of(tmp_path)

    assert "prober" not in services()
    elsewhere = given(tmp_path, "probes: {prober: 'host.docker.internal:9470'}")
    assert PROBER not in str(bundle(elsewhere, targets=["provisioning"]).files)
    assert prober["ports"] == ["127.0.0.1:9470:9470"]
    assert prober["cap_drop"] == ["ALL"]
    assert prober["security_opt"] == ["no-new-privileges:true"]
    words = prober["build"]["dockerfile_inline"]
    assert re.search(r"^FROM python:\d+\.\d+\.\d+-slim$", words, re.MULTILINE)
    assert re.search(r"^USER nobody$", words, re.MULTILINE)
    outside, inside, _ = prober["volumes"][0].split(":")
    assert f"provisioning/{outside.removeprefix('./')}/example.yaml" in files
    assert f"--config={inside}/probes.yaml" in prober["command"]
    assert (
        prober["volumes"][1].partition(":")[0]
        in yaml.safe_load(files["provisioning/compose.yaml"])["volumes"]
    )


@pytest.mark.slow
def test_the_prober_runs_with_its_command_and_a_copy_of_its_example(tmp_path: Path) -> None:
    """Paths mapped, names resolved: what Prometheus is told to ask for answers."""
    prober, files = prober_of(tmp_path)
    address = f"127.0.0.1:{free_port()}"
    config = tmp_path / "probes.yaml"
    with answering(HEAD, chunk(b"data: a\n\n"), LAST) as stream:
        example = files[f"provisioning/{PROBER}"]
        for there, here in (
            ("http://host.docker.internal:8000", f"http://127.0.0.1:{stream.port}"),
            ("/var/lib/sse-observe", str(tmp_path)),
        ):
            assert there in example
            example = example.replace(there, here)
        config.write_text(example)
        words = " ".join(prober["command"])
        words = words.replace("/etc/sse-observe/prober/probes.yaml", str(config))
        command = [*SSE_OBSERVE, *words.replace("0.0.0.0:9470", address).split()]
        url = f"http://{address}"
        ready = partial(answers, f"{url}/metrics")
        with Program(command, log=tmp_path / "prober.log", ready=ready, ready_seconds=60):
            found = requests.get(f"{url}/probe", {"target": "feed-eu"}, timeout=30)

    assert re.search(r'^sse_probe_success\{.*target="feed-eu".*\} 1', found.text, re.MULTILINE)


def redis_of(tmp_path: Path) -> dict[str, Any]:
    """Return the store that hosts share, where the settings ask for it."""
    files = bundle(given(tmp_path, "provisioning: {redis: true}"), targets=["provisioning"]).files
    return dict(yaml.safe_load(files["provisioning/compose.yaml"])["services"]["redis"])


def test_a_redis_comes_with_the_stack_where_it_is_asked_for(tmp_path: Path) -> None:
    """As closed as the rest: loopback, no rights, a version, and a password that must be set."""
    assert "redis" not in services()
    store = redis_of(tmp_path)

    assert store["ports"] == ["127.0.0.1:6379:6379"]
    assert store["cap_drop"] == ["ALL"]
    assert store["user"] != "0"
    assert re.fullmatch(r"[a-z]+/[a-z]+:\d+\.\d+\.\d+", store["image"])
    (password,) = (word for word in store["command"] if "PASSWORD" in word)
    assert re.fullmatch(r"\$\{REDIS_PASSWORD:\?[^}]+\}", password)


@pytest.mark.slow
def test_a_real_redis_understands_its_command_and_asks_for_the_password(tmp_path: Path) -> None:
    """The same options, given to the program of this machine."""
    options = [
        "secret" if "PASSWORD" in word else str(word) for word in redis_of(tmp_path)["command"][1:]
    ]
    with RedisServer(tmp_path / "redis", *options) as server:
        with redis.Redis(port=server.port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        with redis.Redis(port=server.port, password="secret", decode_responses=True) as ours:
            assert ours.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_grafana_finds_prometheus_and_the_boards() -> None:
    """Addresses are names and ports of the stack, the step is the scrape's, the path is mounted."""
    (datasource,) = stack()["grafana/datasources/sse-observe.yaml"]["datasources"]
    (provider,) = stack()["grafana/dashboards/sse-observe.yaml"]["providers"]
    ports = services()["prometheus"]["ports"][0].split(":")

    assert datasource.keys() == DATASOURCE_KEYS
    assert provider.keys() == PROVIDER_KEYS
    assert datasource["url"] == f"http://prometheus:{ports[-1]}"
    assert datasource["type"] == "prometheus"
    assert datasource["jsonData"]["timeInterval"] == "15s"
    assert mounts("grafana")[provider["options"]["path"]] == "../dashboards"
    for kind in ("datasources", "dashboards"):
        assert stack()[f"grafana/{kind}/sse-observe.yaml"]["apiVersion"] == 1
        assert mounts("grafana")[f"/etc/grafana/provisioning/{kind}"] == f"./grafana/{kind}"


def test_an_exemplar_leads_to_its_trace(tmp_path: Path) -> None:
    """The address is the user's, the trace's number is put in by Grafana, which reads `$$`."""
    settings = given(tmp_path, "provisioning: {trace_url: 'https://t.example/{trace_id}?a=$b'}")
    files = bundle(settings, targets=["provisioning"]).files
    text = files["provisioning/grafana/datasources/sse-observe.yaml"]
    (datasource,) = yaml.safe_load(text)["datasources"]

    (found,) = datasource["jsonData"]["exemplarTraceIdDestinations"]

    # The label under which the middleware exports it.
    assert found["name"] == "trace_id"
    assert found["url"] == "https://t.example/$${__value.raw}?a=$$b"


def test_the_stack_keeps_what_the_objective_looks_back_to(tmp_path: Path) -> None:
    """A budget over 60 days needs 60 days of data; a short one no less than the default."""
    for window, kept in (("60d", "60d"), ("7d", "15d")):
        settings = given(tmp_path, f"objectives: {{window: {window}}}\n")
        text = bundle(settings, targets=["provisioning"]).files["provisioning/compose.yaml"]
        assert f"--storage.tsdb.retention.time={kept}\n" in text


def test_the_stack_is_written_and_checked_when_asked_for(tmp_path: Path) -> None:
    """A render without it takes ours away, and leaves what the user put beside or copied."""
    runner = CliRunner()
    asked = ["render", "--out", str(tmp_path), "--target", "provisioning"]

    assert runner.invoke(app, asked).exit_code == 0
    folder = tmp_path / "provisioning"
    assert {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} == set(FILES)
    assert runner.invoke(app, [*asked, "--check"]).exit_code == 0
    (folder / "compose.override.yaml").write_text("services: {}\n")
    (folder / "alertmanager.yml").write_text((tmp_path / "alerts/sse-alertmanager.yml").read_text())
    (folder / "prometheus/prometheus.yml").unlink()
    stale = runner.invoke(app, [*asked, "--check"])
    assert stale.exit_code == 1
    assert "missing provisioning/prometheus/prometheus.yml" in stale.output
    assert f"run: sse-observe render --out {tmp_path} --target provisioning" in stale.output
    assert runner.invoke(app, asked[:-2]).exit_code == 0
    assert sorted(p.name for p in folder.rglob("*") if p.is_file()) == [
        "alertmanager.yml",
        "compose.override.yaml",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('selector: env="a"', 'env="" fails the selector env="a", so no rule would see'),
        ('selector: env!="a"\nprovisioning: {labels: {env: a}}', "give it the label env"),
        ("provisioning: {target: ['a:1']}", "provisioning.target: no such key; did you mean targ"),
        ("provisioning: {targets: ['http://a:1']}", "provisioning.targets: 'http://a:1': no host"),
        ("provisioning: {targets: []}", "provisioning.targets: []: nothing to scrape"),
        (
            "provisioning: {labels: {route: x}}",
            "provisioning.labels: 'route': not a label",
        ),
        ("provisioning: {metrics_path: metrics}", "no path; write it like /metrics"),
        ("provisioning: {job: ' '}", "provisioning.job: '': no name"),
        ("provisioning: {trace_url: 'https://a/b'}", "no {trace_id} in it; write it like"),
        ("provisioning: {trace_url: 'a/{trace_id}'}", "provisioning.trace_url: 'a/{trace_id}': no"),
        ("provisioning: {scheme: ftp}", "provisioning.scheme: "),
    ],
)
def test_a_service_that_cannot_be_watched_is_one_clear_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    """A stack that starts and shows nothing would be believed: it is refused instead."""
    with pytest.raises(SettingsError) as caught:
        bundle(given(tmp_path, text), targets=["provisioning"])

    message = str(caught.value)
    assert problem in message
    assert "\n" not in message
    assert "sse-observe.yaml: provisioning." in message


def test_a_service_that_passes_the_selector_is_accepted(tmp_path: Path) -> None:
    """The job is a label like the user's own; what each instance is called is not known here."""
    text = (
        'selector: job=~"chat|feed", env!="test", cluster=~"eu-.*", instance=~"x.*"\n'
        "provisioning: {job: chat, labels: {cluster: eu-1}}\n"
    )

    files = bundle(given(tmp_path, text), targets=["provisioning"]).files

    assert 'cluster: "eu-1"' in files["provisioning/prometheus/prometheus.yml"]


def test_a_prober_is_scraped_and_asked(tmp_path: Path) -> None:
    """Its own schedule at /metrics; the targets that Prometheus paces through /probe."""
    settings = given(
        tmp_path,
        "probes: {prober: 'host.docker.internal:9470', targets: [feed-eu]}\n"
        "provisioning: {labels: {env: production}}\n",
    )
    files = bundle(settings, targets=["provisioning"]).files
    jobs = yaml.safe_load(files["provisioning/prometheus/prometheus.yml"])["scrape_configs"]
    _, own, paced = jobs

    assert own["static_configs"] == [
        {"targets": ["host.docker.internal:9470"], "labels": {"env": "production"}}
    ]
    assert (paced["metrics_path"], paced["scrape_timeout"]) == ("/probe", "15s")
    assert paced["static_configs"][0]["targets"] == ["feed-eu"]
    assert paced["relabel_configs"][-1] == {
        "target_label": "__address__",
        "replacement": "host.docker.internal:9470",
    }
    assert len(stack()["prometheus/prometheus.yml"]["scrape_configs"]) == 1
