"""What the chart renders, read as the cluster would: pods, what selects them, what they may reach and get to know."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storyloom.runtime.settings import Settings
from tests.deploy.conftest import Rendered
from tools.deploy import copies
from tools.deploy.manifests import (
    NEWEST,
    OLDEST,
    VALUE_FILES,
    WITHOUT_SCHEMA,
    Manifest,
    RenderError,
    read_manifests,
    render,
    schema_errors,
)

pytestmark = pytest.mark.xdist_group("chart")

NAMES = tuple(VALUE_FILES)
WORKERS = {"content", "images", "audio", "documents"}
SECRETS = {
    "api": {"DATABASE_URL", "NATS_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
    "status": {"DATABASE_URL", "NATS_URL"},
    "webhooks": {"DATABASE_URL", "NATS_URL"},
    "content": {"NATS_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY"},
    "images": {"NATS_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY"},
    "audio": {"NATS_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ELEVENLABS_API_KEY"},
    "documents": {"NATS_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY"},
    "migrate": {"DATABASE_URL", "NATS_URL"},
    "ops": {"DATABASE_URL", "NATS_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
}
"""All that a service gets to know."""


def of(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [found for found in manifests if found["kind"] in kinds]


def component(manifest: Manifest) -> str:
    return str(manifest["metadata"]["labels"]["app.kubernetes.io/component"])


def pods(manifests: list[Manifest]) -> dict[str, dict[str, Any]]:
    """Pod templates by component."""
    return {component(found): found["spec"]["template"] for found in of(manifests, "Deployment", "Job")}


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a label selector matches; none of ours has expressions."""
    assert set(selector) <= {"matchLabels"}
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    spec = pod["spec"]
    return [*spec["containers"], *spec.get("initContainers", [])]


def environment(pod: dict[str, Any]) -> dict[str, str]:
    """The plain variables."""
    return {each["name"]: each["value"] for each in containers(pod)[0].get("env", []) if "value" in each}


@pytest.mark.parametrize("name", NAMES)
def test_every_pod_is_as_the_restricted_standard_wants_it(rendered: Rendered, name: str) -> None:
    """Also read-only, without a token, with requests and limits."""
    for pod in pods(rendered[name]).values():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert all(set(volume) == {"name", "emptyDir"} for volume in spec["volumes"])
        for each in containers(pod):
            context = each["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert {"cpu", "memory"} <= each["resources"]["requests"].keys()
            assert {"cpu", "memory"} <= each["resources"]["limits"].keys()
            assert {"name": "tmp", "mountPath": "/tmp"} in each["volumeMounts"]


@pytest.mark.parametrize("name", NAMES)
def test_every_pod_that_stays_is_probed(rendered: Rendered, name: str) -> None:
    """Services on their internal port, which no Service has: liveness asks no other server."""
    for found in of(rendered[name], "Deployment"):
        each = containers(found["spec"]["template"])[0]
        assert {"livenessProbe", "readinessProbe"} <= each.keys()
        if component(found) in {"ops", "studio"}:
            continue
        assert each["startupProbe"]["httpGet"]["path"] == each["livenessProbe"]["httpGet"]["path"] == "/health/live"
        assert each["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": "internal"}
        assert {"name": "internal", "containerPort": 9090} in each["ports"]
        assert found["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert all(
        port["targetPort"] != "internal" for each in of(rendered[name], "Service") for port in each["spec"]["ports"]
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_account_is_without_a_token_and_every_pods_own(rendered: Rendered, name: str) -> None:
    """No pod talks to the cluster, so that there are no roles either."""
    accounts = {found["metadata"]["name"]: found for found in of(rendered[name], "ServiceAccount")}
    used = [pod["spec"]["serviceAccountName"] for pod in pods(rendered[name]).values()]
    assert sorted(used) == sorted(accounts)
    assert all(found["automountServiceAccountToken"] is False for found in accounts.values())
    assert not of(rendered[name], "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "Secret")


@pytest.mark.parametrize("name", NAMES)
def test_every_selector_matches_a_pod(rendered: Rendered, name: str) -> None:
    """Those of Services, budgets, policies, monitors and autoscalers; a port that is named is one of the pod's."""
    labels = {part: pod["metadata"]["labels"] for part, pod in pods(rendered[name]).items()}
    deployments = {found["metadata"]["name"]: found for found in of(rendered[name], "Deployment")}
    for found in rendered[name]:
        spec = found.get("spec", {})
        match found["kind"]:
            case "Service":
                (part,) = [part for part, own in labels.items() if spec["selector"].items() <= own.items()]
                ports = {port["name"] for port in containers(pods(rendered[name])[part])[0]["ports"]}
                assert {port["targetPort"] for port in spec["ports"]} <= ports
            case "PodDisruptionBudget" | "PodMonitor" | "Deployment":
                assert any(selects(spec["selector"], own) for own in labels.values())
            case "NetworkPolicy":
                for selector in [spec["podSelector"], *_peers_of_ours(spec)]:
                    assert any(selects(selector, own) for own in labels.values()), found["metadata"]["name"]
            case "HorizontalPodAutoscaler" | "ScaledObject":
                target = deployments[spec["scaleTargetRef"]["name"]]
                assert "replicas" not in target["spec"]
            case "HTTPRoute" | "Ingress":
                assert set(_backends(found)) <= {each["metadata"]["name"] for each in of(rendered[name], "Service")}


def _peers_of_ours(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Selectors of pods in the same namespace."""
    for rule in [*spec.get("ingress", []), *spec.get("egress", [])]:
        for peer in [*rule.get("from", []), *rule.get("to", [])]:
            if "podSelector" in peer and "namespaceSelector" not in peer:
                yield peer["podSelector"]


def _backends(found: Manifest) -> Iterator[str]:
    for rule in found["spec"]["rules"]:
        if found["kind"] == "HTTPRoute":
            yield from (backend["name"] for backend in rule["backendRefs"])
        else:
            yield from (path["backend"]["service"]["name"] for path in rule["http"]["paths"])


@pytest.mark.parametrize("name", NAMES)
def test_every_pod_is_denied_by_default_and_allowed_what_it_needs(rendered: Rendered, name: str) -> None:
    """In both directions: a policy that denies all, and one of its own."""
    for part, pod in pods(rendered[name]).items():
        own = [
            p
            for p in of(rendered[name], "NetworkPolicy")
            if selects(p["spec"]["podSelector"], pod["metadata"]["labels"])
        ]
        assert sorted(component(policy) for policy in own) == sorted(["deny", part])
        for policy in own:
            assert set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
            # An empty rule would allow everything.
            assert all(policy["spec"].get("ingress", ["none"]))
            assert all(policy["spec"].get("egress", ["none"]))


def test_webhooks_reach_the_internet_without_private_networks(rendered: Rendered) -> None:
    """Beyond DNS, Postgres and NATS, by their ports."""
    (policy,) = [p for p in of(rendered["ha"], "NetworkPolicy") if component(p) == "webhooks"]
    (rule,) = [rule for rule in policy["spec"]["egress"] if "ports" not in rule]
    assert rule["to"][0]["ipBlock"]["cidr"] == "0.0.0.0/0"
    private = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "127.0.0.0/8"}
    assert private <= set(rule["to"][0]["ipBlock"]["except"])
    assert rule["to"][1]["ipBlock"]["cidr"] == "2000::/3"


def test_only_workers_and_api_may_reach_the_store_and_only_three_the_database(rendered: Rendered) -> None:
    """By the destinations that the restricted value file names."""

    def reaches(policy: Manifest, key: str, value: object) -> bool:
        peers = [peer for rule in policy["spec"].get("egress", []) for peer in rule.get("to", [])]
        return any(peer.get("podSelector", {}).get("matchLabels", {}).get(key) == value for peer in peers) or any(
            peer.get("ipBlock", {}).get(key) == value for peer in peers
        )

    policies = of(rendered["restricted"], "NetworkPolicy")
    to_database = {component(policy) for policy in policies if reaches(policy, "cnpg.io/cluster", "storyloom")}
    to_store = {component(policy) for policy in policies if reaches(policy, "cidr", "198.51.100.0/24")}
    assert to_database == {"api", "status", "webhooks", "migrate", "ops"}
    assert to_store == {"api", "ops", *WORKERS}


def test_each_service_gets_its_own_secrets_alone(rendered: Rendered) -> None:
    """Under a key of its own where they differ."""
    for part, pod in pods(rendered["ha"]).items():
        given = [each for each in containers(pod)[0]["env"] if "valueFrom" in each]
        assert {each["name"] for each in given} == SECRETS[part]
        for each in given:
            if each["name"] in {"DATABASE_URL", "NATS_URL"}:
                assert each["valueFrom"]["secretKeyRef"]["key"] == part
        assert not {"envFrom"} & containers(pod)[0].keys()


@pytest.mark.parametrize("name", NAMES)
def test_settings_take_what_the_pods_are_given(rendered: Rendered, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable is one that the code reads, with a value that it accepts."""
    for part, pod in pods(rendered[name]).items():
        if part == "studio":
            continue
        given = environment(pod)
        assert {variable.lower() for variable in given} <= Settings.model_fields.keys()
        with monkeypatch.context() as patch:
            for variable, value in given.items():
                patch.setenv(variable, value)
            Settings()


@pytest.mark.parametrize("name", NAMES)
def test_workers_have_the_time_of_their_longest_job_to_stop(rendered: Rendered, name: str) -> None:
    """And 30 seconds more; what is paid for is not cut off. The default is the code's."""
    for part in WORKERS:
        pod = pods(rendered[name])[part]
        given = environment(pod)
        assert (
            float(given["JOB_TIMEOUT"]) == float(given["DRAIN_SECONDS"]) == Settings.model_fields["job_timeout"].default
        )
        assert pod["spec"]["terminationGracePeriodSeconds"] >= float(given["JOB_TIMEOUT"]) + 30
    for part in ("api", "status"):
        pod = pods(rendered[name])[part]
        assert pod["spec"]["terminationGracePeriodSeconds"] >= float(environment(pod)["DRAIN_DELAY"]) + 30


@pytest.mark.parametrize("name", NAMES)
def test_budgets_let_go_of_pods_that_are_not_healthy(rendered: Rendered, name: str) -> None:
    """One budget a service, and never one that blocks a node's drain."""
    budgets = of(rendered[name], "PodDisruptionBudget")
    assert {component(found) for found in budgets} == set(SECRETS) - {"migrate", "ops"}
    assert all(found["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow" for found in budgets)
    assert all(found["spec"]["maxUnavailable"] == 1 for found in budgets)


@pytest.mark.parametrize("name", NAMES)
def test_images_have_a_version_or_a_digest(rendered: Rendered, name: str) -> None:
    """The digest wins."""
    images = [each["image"] for pod in pods(rendered[name]).values() for each in containers(pod)]
    assert all(
        "@sha256:" in image if name == "restricted" else image.rpartition(":")[2] not in {"", "latest"}
        for image in images
    )


def test_streams_go_straight_to_status_without_a_time_out(rendered: Rendered) -> None:
    """What is no stream goes to api."""
    (route,) = of(rendered["ha"], "HTTPRoute")
    streams, rest = route["spec"]["rules"]
    assert streams["matches"][0]["path"]["value"] == "^/api/v1/stories/[^/]+/events$"
    assert streams["timeouts"]["request"] == rest["timeouts"]["request"] == "0s"
    assert [rule["backendRefs"][0]["name"] for rule in (streams, rest)] == ["storyloom-status", "storyloom-api"]


def test_the_migrations_network_and_account_are_there_before_its_job(rendered: Rendered) -> None:
    """All three are hooks, the Job's weight is the largest, and its name is the revision's: a failed one stays."""
    parts = [found for found in rendered["ha"] if component(found) == "migrate"]
    weights = {found["kind"]: int(found["metadata"]["annotations"]["helm.sh/hook-weight"]) for found in parts}
    assert weights["Job"] > max(weights["ServiceAccount"], weights["NetworkPolicy"])
    (job,) = of(parts, "Job")
    assert job["metadata"]["name"] == "storyloom-migrate-1"
    assert containers(job["spec"]["template"])[0]["args"][:4] == ["python", "-m", "ops", "migrate"]


def test_the_migration_can_be_a_wave_of_argo_cd_or_a_job_like_others(helm: Path) -> None:
    """As a plain Job its name changes with what it runs, since a Job cannot be changed."""
    waved = read_manifests(render(VALUE_FILES["ha"], settings=("migration.mode=argo",)))
    waves = {
        found["kind"]: int(found["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"])
        for found in waved
        if component(found) == "migrate"
    }
    assert waves["ServiceAccount"] == waves["NetworkPolicy"] < waves["Job"] < 0
    settings = "migration.mode=plain"
    plain = [render(VALUE_FILES["ha"], settings=(settings, f"image.tag={tag}")) for tag in ("1.0.0", "1.0.1")]
    names = [job["metadata"]["name"] for text in plain for job in of(read_manifests(text), "Job")]
    assert len(set(names)) == 2
    assert not any("annotations" in job["metadata"] for text in plain for job in of(read_manifests(text), "Job"))


def test_the_chart_brings_the_projects_alerts_and_dashboards(helm: Path) -> None:
    """As many resources as there are files; names stay short enough under the longest release name."""
    wanted = sorted(found.stem for pattern in copies.COPIED for found in copies.OBSERVABILITY.glob(pattern))
    settings = ("monitoring.rules=true", "monitoring.dashboards=true")
    if not wanted:
        with pytest.raises(RenderError, match="this chart holds none"):
            render(VALUE_FILES["ha"], settings=settings, release="a")
        return
    manifests = read_manifests(render(VALUE_FILES["ha"], settings=settings, release="a" * 53))
    found = of(manifests, "PrometheusRule", "ConfigMap")
    assert sorted(component(each) for each in found) == wanted
    assert all(each["spec"]["groups"] for each in of(found, "PrometheusRule"))
    assert max(len(each["metadata"]["name"]) for each in of(manifests, "Service", "Job")) <= 63


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_schemas_accept_everything(rendered: Rendered, version: str) -> None:
    """The oldest and the newest release that is supported."""
    assert [error for found in rendered.values() for error in schema_errors(found, version)] == []
    kinds = {each["kind"] for found in rendered.values() for each in found}
    assert kinds & WITHOUT_SCHEMA == {"HTTPRoute", "ScaledObject", "PodMonitor"}


def test_kubernetes_schemas_refuse_a_field_that_does_not_exist(rendered: Rendered) -> None:
    """Or the test above would prove nothing."""
    broken = {**of(rendered["ha"], "PodDisruptionBudget")[0], "spec": {"maxUnavailabel": 1}}
    assert any("maxUnavailabel" in error for error in schema_errors([broken], NEWEST))


def test_two_renderings_are_equal(rendered: Rendered) -> None:
    """Nothing random, no time: a diff shows what was changed."""
    assert read_manifests(render(VALUE_FILES["restricted"])) == rendered["restricted"]


def test_the_kustomize_base_is_the_chart_rendered(helm: Path) -> None:
    """Byte by byte as `make kustomize` writes it; and nothing but Helm's own marks and the namespace is left out."""
    assert copies.differences() == []
    text = "---\n".join(path.read_text("utf-8") for path in sorted((copies.KUSTOMIZE / "base").glob("*s.yaml")))
    base = {(each["kind"], each["metadata"]["name"]): each for each in read_manifests(text)}
    for found in read_manifests(render(copies.KUSTOMIZE / "values.yaml")):
        if found["kind"] in {"Deployment", "Service", "NetworkPolicy"}:
            assert base[found["kind"], found["metadata"]["name"]]["spec"].keys() == found["spec"].keys()
