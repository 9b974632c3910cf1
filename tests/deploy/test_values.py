"""Values: few, documented, and refused in words that name the fix. Everything wrong is said at once, so that a few
renderings show it all.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import client
from services.images.app import check_time_outs
from storyloom.runtime.settings import Settings
from tests.deploy.conftest import Rendered
from tools.deploy.manifests import CHART, VALUE_FILES, RenderError, read_manifests, render

pytestmark = pytest.mark.xdist_group("chart")

TYPOS = {
    "databse.existingSecret=x": "'database'",
    "image.registy=x": "'registry'",
    "image.tags=x": "'tag'",
    "image.digests.image=x": "'images'",
    "database.existingsecret=x": "'existingSecret'",
    "database.secretKeys.migration=x": "'migrate'",
    "nats.replicas=3": "'streamReplicas'",
    "nats.streamReplicas=2": "1, 3, 5",
    "store.endpoints=x": "'endpoint'",
    "store.endpoint=s3.example": "http",
    "openai.apiKey=x": "'secretKey'",
    "elevenlabs.baseURL=x": "'baseUrl'",
    "studio.enable=true": "'enabled'",
    "expose.type=ingress": "'kind'",
    "expose.kind=gateway": "'httpRoute'",
    "migration.mode=hooks": "'hook', 'plain', 'argo'",
    "services.image.replicas=1": "'images'",
    "services.api.replica=1": "'replicas'",
    "services.api.replicas=many": "want integer",
    "services.audio.resources.requests.mem=1": "'memory'",
    "autoscaling.enabled=true": "'keda'",
    "autoscaling.jobsPerReplica.low=1": "'normal'",
    "networkPolicy.enable=true": "'enabled'",
    "networkPolicy.egress.postgres.port=1": "'database'",
    "monitoring.serviceMonitor=true": "'podMonitor'",
    "jobTimeout=20m": "want integer",
    "defaults.nodeselector.a=b": "'nodeSelector'",
}
"""What a hurried person writes, and what the refusal says instead."""

WRONG = {
    "image.tag=latest": "image.tag is latest, which names another image every day: set a version, or image.digests.",
    "image.digests.api=sha256:12": "image.digests.api is no digest: it is sha256: and 64 hexadecimal digits.",
    "autoscaling.hpa=true": "autoscaling.hpa and autoscaling.keda are both on, and would scale against each other: "
    "turn one off.",
    "services.api.replicas=20": "services.api.replicas (20) is more than maxReplicas (12): raise maxReplicas.",
    "services.images.terminationGracePeriodSeconds=60": "services.images.terminationGracePeriodSeconds (60) is too "
    "short: set at least 1230, jobTimeout and 30 more, or jobs are cut off that are paid for.",
    "services.status.terminationGracePeriodSeconds=10": "services.status.terminationGracePeriodSeconds (10) is too "
    "short: set at least 45.",
    "services.content.env.OPENAI_API_KEY=x": "services.content.env (or defaults.env) sets OPENAI_API_KEY: set "
    "openai.existingSecret instead.",
    "nats.url=nats://user:password@nats:4222": "nats.url holds a password: put the URL into a Secret and set "
    "nats.existingSecret.",
    "nats.monitoring=": "nats.monitoring is missing: KEDA asks it, set it to host:port of NATS' monitoring, such as",
    "expose.host=": "expose.host is missing: set the host name that clients use.",
    "expose.parentRefs=null": "expose.parentRefs is missing: name the Gateway, such as "
    "[{name: public, namespace: gateways}].",
    "patch.Deployment/nobody.spec.replicas=1": "patch names Deployment/nobody, which is not rendered: there are",
}
"""What a schema cannot say, over the value file ha, and the whole refusal."""

MISSING = {
    "image.registry is missing: set it to where your images are",
    "database.existingSecret is missing: make a Secret",
    "nats.existingSecret is missing: make a Secret",
    "openai.existingSecret is missing: make a Secret",
    "elevenlabs.existingSecret is missing: make a Secret",
}


def refusal(*value_files: Path, settings: tuple[str, ...] = ()) -> str:
    with pytest.raises(RenderError) as refused:
        render(*value_files, settings=settings)
    return str(refused.value)


@pytest.fixture(scope="module")
def typos(helm: Path) -> str:
    """What helm says of all of them at once."""
    return refusal(VALUE_FILES["ha"], settings=tuple(TYPOS))


@pytest.fixture(scope="module")
def wrong(helm: Path) -> str:
    """What the chart says of all of them at once."""
    return refusal(VALUE_FILES["ha"], settings=tuple(WRONG))


@pytest.mark.parametrize("planted", TYPOS)
def test_a_typo_is_refused_with_the_names_that_there_are(typos: str, planted: str) -> None:
    """In the words right after it; a wrong value with what is possible."""
    path = planted.partition("=")[0].split(".")
    names = [re.escape(name) for name in path]
    # The name that is wrong may be in the middle; the names that there are stand on the line below it.
    listed = re.findall(rf"invalid propertyName '(?:{'|'.join(names)})'\n.*value must be one of (.*)", typos)
    values = re.findall(rf"at '/{'/'.join(names)}': (.*)", typos)
    assert any(TYPOS[planted] in said for said in [*listed, *values])


@pytest.mark.parametrize("planted", WRONG)
def test_what_cannot_work_is_refused_in_a_sentence(wrong: str, planted: str) -> None:
    """It says what to set."""
    assert WRONG[planted] in wrong


def test_what_is_missing_is_named_at_once(helm: Path) -> None:
    """A sentence for each Secret, with its keys."""
    said = refusal()
    assert all(sentence in said for sentence in MISSING)
    assert len([line for line in said.splitlines() if "is missing" in line]) == len(MISSING)


def test_one_missing_secret_is_one_sentence(helm: Path) -> None:
    """And nothing else."""
    said = refusal(VALUE_FILES["ha"], settings=("database.existingSecret=",))
    (sentence,) = [line.strip() for line in said.splitlines() if "is missing" in line]
    assert sentence.startswith("database.existingSecret is missing: make a Secret with the keys api, status, webhooks,")
    assert "Error: execution error" in said


def test_patches_can_name_what_is_rendered_and_nothing_else(rendered: Rendered, wrong: str) -> None:
    """The list in the refusal is what the value file renders, with the second autoscaler that was planted."""
    (listed,) = re.findall(r"there are (.*)\.$", wrong, re.MULTILINE)
    known = {name for name in listed.split(", ") if not name.startswith("HorizontalPodAutoscaler/")}
    found = {f"{each['kind']}/{each['metadata']['name'].removeprefix('storyloom-')}" for each in rendered["ha"]}
    assert known == {name.replace("Job/migrate-1", "Job/migrate") for name in found}


def test_a_patch_merges_maps_and_named_lists_and_removes_with_null(helm: Path) -> None:
    """Large numbers stay what they are."""
    base = "patch.Deployment/images.spec.template.spec"
    settings = (
        f"{base}.securityContext.fsGroup=1000680000",
        f"{base}.containers[0].name=images",
        f"{base}.containers[0].livenessProbe=null",
        f"{base}.containers[0].env[0].name=JOB_TIMEOUT",
        f"{base}.containers[0].env[0].value=x",
        f"{base}.containers[1].name=sidecar",
        "nats.existingSecret=nats-{service}",
    )
    text = render(VALUE_FILES["ha"], settings=settings)
    (pod,) = [each["spec"]["template"]["spec"] for each in read_manifests(text) if _is(each, "Deployment", "images")]
    first, second = pod["containers"]
    assert pod["securityContext"] == {
        "fsGroup": 1_000_680_000, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    assert second == {"name": "sidecar"}
    assert "livenessProbe" not in first
    assert "readinessProbe" in first
    assert {"name": "JOB_TIMEOUT", "value": "x"} in first["env"]
    # A Secret for each service, as operators' own command writes them.
    (nats,) = [each for each in first["env"] if each["name"] == "NATS_URL"]
    assert nats["valueFrom"]["secretKeyRef"] == {"name": "nats-images", "key": "NATS_URL"}


def _is(manifest: dict[str, Any], kind: str, part: str) -> bool:
    return bool(manifest["kind"] == kind and manifest["metadata"]["labels"]["app.kubernetes.io/component"] == part)


def test_there_are_at_most_sixty_values_and_each_is_documented() -> None:
    """What a person has to read before an installation."""
    text = (CHART / "values.yaml").read_text("utf-8")
    documented = set(_documented(text.splitlines()))
    assert len(documented) == text.count("# -- ") <= 60
    leaves = set(_leaves(yaml.safe_load(text), documented))
    assert leaves == documented


def _documented(lines: list[str]) -> list[str]:
    """The paths of the keys below a line with "# --"."""
    found: list[str] = []
    path: list[str] = []
    waiting = False
    for line in lines:
        if re.match(r" *# -- ", line):
            waiting = True
        elif key := re.match(r"( *)([A-Za-z]+):", line):
            path = [*path[: len(key[1]) // 2], key[2]]
            if waiting:
                found.append(".".join(path))
            waiting = False
    return found


def _leaves(value: Any, documented: set[str], path: str = "") -> list[str]:
    """The paths of what is documented, or of what is no map and is not."""
    if path in documented or not isinstance(value, dict) or not value:
        return [path]
    return [found for key, below in value.items() for found in _leaves(below, documented, f"{path}.{key}".lstrip("."))]


def test_the_schema_knows_every_value_and_says_which_names_there_are() -> None:
    """Nowhere may a name be written that is not known; `propertyNames` is what makes a refusal name them."""
    schema = yaml.safe_load((CHART / "values.schema.json").read_text("utf-8"))
    closed = [found for found in _objects(schema) if "properties" in found]
    assert all(found["additionalProperties"] is False for found in closed)
    assert all(found["propertyNames"]["enum"] == [*found["properties"]] for found in closed)
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    assert schema["properties"].keys() - {"global"} == values.keys()
    for part, below in values.items():
        if isinstance(below, dict) and part != "patch":
            # Services have more than they are given by default, and `defaults` has what they share.
            assert schema["properties"][part]["properties"].keys() == below.keys()


def _objects(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for below in schema for found in _objects(below)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if schema.get("type") == "object" else []
    return [*own, *(found for below in schema.values() for found in _objects(below))]


def test_the_chart_has_the_version_of_everything_else() -> None:
    """In both of its places."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["version"] == chart["appVersion"] == client.__version__


def test_the_charts_time_for_a_job_is_the_codes_and_enough_for_a_picture() -> None:
    """The images service refuses to start with less."""
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    assert values["jobTimeout"] == Settings.model_fields["job_timeout"].default
    check_time_outs(Settings(job_timeout=values["jobTimeout"]))
