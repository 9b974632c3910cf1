"""deploy/examples and the commands of deploy/README.md: they fit the chart, the code and each other.

Nothing here asks a cluster. What Kubernetes defines is compared with its schemas; of what its extensions define
(CloudNativePG, External Secrets, KEDA, Gateway API, Argo CD), names and references are followed.
"""

import base64
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from storyloom.messaging.topology import consumers
from storyloom.runtime.settings import NatsSettings
from storyloom.storage.objects import STORIES
from storyloom.storage.s3 import PROBE_PREFIX
from tools.deploy.manifests import NEWEST, OLDEST, Manifest, read_manifests, render, schema_errors
from tools.deploy.programs import program

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "deploy" / "examples"
VALUES = tuple(
    EXAMPLES / name
    for name in ("values.yaml", "studio.yaml", *(f"{of}/values.yaml" for of in ("nats", "keda", "gateway")))
)
MANIFESTS = tuple(
    path
    for path in sorted(EXAMPLES.rglob("*.yaml"))
    if path not in VALUES and path.parent.name != "proxies" and path.name != "kustomization.yaml"
)
PRODUCTION = (
    ROOT / "deploy/helm/values/ha.yaml",
    *(EXAMPLES / name for name in ("values.yaml", "keda/values.yaml", "gateway/values.yaml")),
)
EXTENSIONS = frozenset(
    {"Cluster", "ObjectStore", "ScheduledBackup", "PodMonitor", "ClusterSecretStore", "ExternalSecret", "Gateway"}
    | {"ReferenceGrant", "HTTPRoute", "Application"}
)
"""Kinds that Kubernetes has no schema of."""

Keys = set[tuple[str, str]]
"""Secrets and their keys."""


def named(path: Path) -> str:
    return str(path.relative_to(EXAMPLES))


def read(name: str, kind: str | None = None) -> Manifest:
    """The one manifest of a kind in an example."""
    (found,) = [one for one in read_manifests((EXAMPLES / name).read_text()) if kind in (None, one["kind"])]
    return found


@pytest.fixture(scope="module")
def production(helm: Path) -> list[Manifest]:
    """The chart with what production has: KEDA, a Gateway, Secrets of External Secrets."""
    return read_manifests(render(*PRODUCTION))


@cache
def commands() -> tuple[str, ...]:
    """The ten commands."""
    text = (ROOT / "deploy/README.md").read_text()
    block = re.search(r"<!-- ten commands -->\n```bash\n(.*?)```", text, re.DOTALL)
    assert block, "deploy/README.md has no ten commands"
    return tuple(block.group(1).strip().splitlines())


@pytest.fixture(scope="module")
def made_by_commands(helm: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """What the commands that make Secrets print: each is run as it stands, up to the pipe, in a folder of its own."""
    folder = tmp_path_factory.mktemp("commands")
    path = f"{program('kubectl').parent}{os.pathsep}{os.environ['PATH']}"
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "ELEVENLABS_API_KEY")
    modules = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | dict.fromkeys(keys, "k") | {"PATH": path, "PYTHONPATH": modules}
    made: list[Manifest] = []
    for line in commands():
        command, pipe, then = line.partition(" | ")
        if not pipe:
            continue
        assert then == "kubectl apply --namespace storyloom --filename -", then
        words = shlex.split(command.replace(".venv/bin/python", shlex.quote(sys.executable)))
        words[0] = str(ROOT / words[0])
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        for manifest in read_manifests(done.stdout):
            made += manifest["items"] if manifest["kind"] == "List" else [manifest]
    assert (folder / "secrets/database-roles.sql").exists()
    assert not [path for path in (folder / "secrets").iterdir() if path.stat().st_mode & 0o077], "others can read them"
    return made


def external_secrets() -> list[Manifest]:
    text = (EXAMPLES / "external-secrets/external-secrets.yaml").read_text()
    return [one for one in read_manifests(text) if one["kind"] == "ExternalSecret"]


def keys_of(secrets: list[Manifest]) -> Keys:
    """What Secrets, or ExternalSecrets, hold."""
    return {
        (one["metadata"]["name"], key)
        for one in secrets
        for key in (
            [data["secretKey"] for data in one["spec"]["data"]]
            if one["kind"] == "ExternalSecret"
            else [*one.get("data", {}), *one.get("stringData", {})]
        )
    }


def keys_read_by(manifests: list[Manifest]) -> Keys:
    """What containers read of Secrets, by variable."""
    return {
        (reference["name"], reference["key"])
        for found in walk(manifests)
        if (reference := found.get("secretKeyRef")) is not None
    }


def keys_read_by_examples() -> Keys:
    """What NATS and CloudNativePG read."""
    nats = yaml.safe_load((EXAMPLES / "nats/values.yaml").read_text())
    (volume,) = [patch["value"] for patch in nats["podTemplate"]["patch"]]
    included = Path(nats["config"]["merge"]["$include"]).name
    cluster = read("postgres/cluster.yaml", "Cluster")
    credentials = read("postgres/cluster.yaml", "ObjectStore")["spec"]["configuration"]["s3Credentials"]
    owner = cluster["spec"]["bootstrap"]["initdb"]["secret"]["name"]
    return {
        (volume["secret"]["secretName"], included),
        (owner, "username"),
        (owner, "password"),
        *((one["name"], one["key"]) for one in credentials.values()),
    }


def walk(found: Any) -> Iterator[Mapping[str, Any]]:
    """Every map in something that was read."""
    if isinstance(found, dict):
        yield found
        for one in found.values():
            yield from walk(one)
    elif isinstance(found, list):
        for one in found:
            yield from walk(one)


@pytest.mark.parametrize("path", [*MANIFESTS, *VALUES], ids=named)
def test_an_example_says_what_it_needs_and_how_it_is_applied(path: Path) -> None:
    """…and names no file that is not there."""
    head = re.match(r"(#.*\n)+", path.read_text())
    assert head, f"{path} has no head"
    assert "\n# Needs:  " in head.group() or path.name == "settings.yaml"
    assert "\n# Apply:  " in head.group() or path.name == "settings.yaml"
    for mentioned in re.findall(r"deploy/[\w./-]+\w", head.group()):
        assert (ROOT / mentioned).exists(), f"{path} names {mentioned}"


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_what_kubernetes_defines_is_as_it_defines_it(version: str, helm: Path) -> None:
    """Every other kind is one that we know to be an extension's."""
    manifests = [one for path in MANIFESTS for one in read_manifests(path.read_text())]
    assert [*schema_errors([one for one in manifests if one["kind"] not in EXTENSIONS], version)] == []


def test_every_json_example_is_read() -> None:
    for path in EXAMPLES.rglob("*.json"):
        json.loads(path.read_text())


def test_external_secrets_make_all_that_is_read(production: list[Manifest]) -> None:
    """Every key of the chart's, of NATS' and of Postgres'; and none that nobody reads, but for people's."""
    secrets = external_secrets()
    assert keys_of(secrets) == keys_read_by(production) | keys_read_by_examples()
    for one in secrets:
        assert one["spec"]["target"]["name"] == one["metadata"]["name"]
        for data in one["spec"]["data"]:
            assert f"storyloom-{data['remoteRef']['key'].removeprefix('storyloom/')}" == one["metadata"]["name"]
            assert data["remoteRef"]["property"] == data["secretKey"]


def test_the_commands_make_all_that_is_read(production: list[Manifest], made_by_commands: list[Manifest]) -> None:
    assert keys_read_by(production) | keys_read_by_examples() <= keys_of(made_by_commands)


def test_the_commands_urls_lead_to_what_the_examples_run(made_by_commands: list[Manifest]) -> None:
    """NATS by the chart's Service, Postgres by CloudNativePG's for writing."""
    cluster = read("postgres/cluster.yaml", "Cluster")
    for one in made_by_commands:
        data = dict(one.get("stringData", {}))
        data |= {key: base64.b64decode(value).decode() for key, value in one.get("data", {}).items()}
        if "NATS_URL" in data:
            assert re.fullmatch(r"nats://[\w-]+:[^@]+@nats:4222", data["NATS_URL"])
        if "DATABASE_URL" in data:
            host, database = f"{cluster['metadata']['name']}-rw", cluster["spec"]["bootstrap"]["initdb"]["database"]
            assert data["DATABASE_URL"].partition("@")[2] == f"{host}:5432/{database}?sslmode=require"


def test_there_are_ten_commands_and_what_they_name_is_there() -> None:
    assert len(commands()) == 10
    for line in commands():
        for path in re.findall(r"(?:^|\s)(deploy/\S+)", line):
            assert (ROOT / path).exists(), path


def test_the_chart_takes_what_the_commands_give_it(helm: Path) -> None:
    """…and has the pods and the Service that later ones reach into; the studio's story reads no key of a provider."""
    (line,) = [line for line in commands() if "deploy/helm/storyloom" in line]
    words = shlex.split(line)
    files = [ROOT / words[place + 1] for place, word in enumerate(words) if word == "--values"]
    settings = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
    manifests = read_manifests(render(*files, settings=settings))
    there = {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in manifests}
    for line in commands():
        for target in re.findall(r"(?:deployment|service)/storyloom-[\w-]+", line):
            assert target in there or target == "service/storyloom-postgres-rw"
    assert not {key for _, key in keys_read_by(manifests)} & {"OPENAI_API_KEY", "ELEVENLABS_API_KEY"}
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in manifests if one["kind"] == "Deployment"]
    selectors = re.findall(r"--selector (\S+)", " ".join(commands()))
    assert selectors
    for key, _, value in (selector.partition("=") for selector in selectors):
        assert all(label[key] == value for label in labels)


def test_keda_asks_for_what_the_code_consumes(production: list[Manifest]) -> None:
    """Streams and consumers by the code's names, at the Service by which KEDA finds each server of a cluster."""
    triggers = [
        trigger["metadata"]
        for one in production
        if one["kind"] == "ScaledObject"
        for trigger in one["spec"]["triggers"]
        if trigger["type"] == "nats-jetstream"
    ]
    asked = {(trigger["stream"], trigger["consumer"]) for trigger in triggers}
    assert asked == {(stream, one.durable_name) for stream, one in consumers(NatsSettings()) if stream == "JOBS"}
    for trigger in triggers:
        assert trigger["natsServerMonitoringEndpoint"].partition(".")[0] == "nats-headless"
        assert trigger["account"] == "STORYLOOM"


def test_nats_lets_in_every_pod_that_speaks_to_it(production: list[Manifest]) -> None:
    policy = read("nats/networkpolicy.yaml")
    (clients,) = [rule for rule in policy["spec"]["ingress"] if rule["ports"][0]["port"] == 4222]
    selector = clients["from"][0]["podSelector"]["matchLabels"]
    for one in production:
        template = one["spec"].get("template") if one["kind"] in {"Deployment", "Job"} else None
        if template and any(found.get("name") == "NATS_URL" for found in walk(template)):
            assert selector.items() <= template["metadata"]["labels"].items()


def test_the_route_is_the_charts_and_leads_from_the_gateway_to_services(production: list[Manifest]) -> None:
    """A stream has no time-out; the certificate may be read by that Gateway alone."""
    gateway, ours = read("gateway/gateway.yaml", "Gateway"), read("gateway/httproute.yaml")
    (charts,) = [one for one in production if one["kind"] == "HTTPRoute"]
    services = {one["metadata"]["name"]: one["spec"]["ports"] for one in production if one["kind"] == "Service"}
    for route in (ours, charts):
        events, api = route["spec"]["rules"]
        assert events["timeouts"]["request"] == "0s"
        assert (events["matches"], events["backendRefs"]) == (charts["spec"]["rules"][0]["matches"],
                                                              charts["spec"]["rules"][0]["backendRefs"])  # fmt: skip
        assert api["backendRefs"] == charts["spec"]["rules"][1]["backendRefs"]
        assert route["spec"]["hostnames"] == [gateway["spec"]["listeners"][0]["hostname"]]
        for parent in route["spec"]["parentRefs"]:
            assert (parent["name"], parent["namespace"]) == (
                gateway["metadata"]["name"],
                gateway["metadata"]["namespace"],
            )
        for rule in (events, api):
            for backend in rule["backendRefs"]:
                assert backend["port"] in [port["port"] for port in services[backend["name"]]]
    (certificate,) = gateway["spec"]["listeners"][0]["tls"]["certificateRefs"]
    grant = read("gateway/gateway.yaml", "ReferenceGrant")
    assert grant["metadata"]["namespace"] == certificate["namespace"]
    assert grant["spec"]["to"] == [{"group": "", "kind": "Secret", "name": certificate["name"]}]
    assert grant["spec"]["from"][0]["namespace"] == gateway["metadata"]["namespace"]


def test_argo_reads_values_that_the_chart_takes(helm: Path) -> None:
    """The migration carries Argo's hook then, and none of Helm's."""
    source = read("argocd/application.yaml")["spec"]["source"]
    chart, given = ROOT / source["path"], source["helm"]
    files = [(chart / name).resolve() for name in given["valueFiles"]]
    assert given["valuesObject"] == {"migration": {"mode": "argo"}}
    text = render(*files, settings=["migration.mode=argo"])
    (job,) = [one for one in read_manifests(text) if one["kind"] == "Job"]
    assert "argocd.argoproj.io/hook" in job["metadata"]["annotations"]
    assert "helm.sh/hook" not in text


def test_the_buckets_key_may_what_storyloom_does_and_no_rule_deletes_a_story() -> None:
    policy = json.loads((EXAMPLES / "s3/policy.json").read_text())
    objects = policy["Statement"][0]["Resource"]
    assert {one.partition(":::storyloom/")[2] for one in objects} == {f"{STORIES}*", f"{PROBE_PREFIX}*"}
    for rule in json.loads((EXAMPLES / "s3/lifecycle.json").read_text())["Rules"]:
        assert rule["Filter"]["Prefix"] == PROBE_PREFIX or not rule.keys() & {"Expiration", "Transitions"}


def test_the_overlay_is_built_and_leaves_nothing_of_the_bases_placeholders(helm: Path) -> None:
    """…and reads Secrets that something here makes."""
    command = [str(program("kubectl")), "kustomize", str(EXAMPLES / "kustomize")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    manifests = read_manifests(done.stdout)
    assert [*schema_errors(manifests, NEWEST)] == []
    settings = read("kustomize/settings.yaml")["data"]
    for found in walk(manifests):
        assert not str(found.get("image", "")).startswith("registry.example/"), found["image"]
        if found.get("name") in settings:
            assert found["value"] == settings[found["name"]]
    assert keys_read_by(manifests) <= keys_of(external_secrets())
    assert {one["metadata"]["namespace"] for one in manifests} == {"storyloom"}
    assert "ConfigMap" not in {one["kind"] for one in manifests}
