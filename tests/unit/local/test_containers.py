"""The containers' files against the code they run: services, packages, settings."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from local.programs import SERVICES
from storyloom.runtime.settings import Settings

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
NEEDED = {
    "api": {"DATABASE_URL", "NATS_URL", "S3_ENDPOINT_URL", "S3_PUBLIC_URL", "STATUS_URL"},
    "status": {"DATABASE_URL", "NATS_URL"},
    "webhooks": {"DATABASE_URL", "NATS_URL"},
    "content": {"NATS_URL", "S3_ENDPOINT_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"},
    "images": {"NATS_URL", "S3_ENDPOINT_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"},
    "audio": {"NATS_URL", "S3_ENDPOINT_URL", "ELEVENLABS_BASE_URL", "ELEVENLABS_API_KEY"},
    "documents": {"NATS_URL", "S3_ENDPOINT_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"},
}
PROVIDERS = {"OPENAI_BASE_URL", "OPENAI_API_KEY", "ELEVENLABS_BASE_URL", "ELEVENLABS_API_KEY"}


def without_defaults(value: str) -> str:
    """A value as Compose gives it where no variable is set; one's default may name another one."""
    inner = re.sub(r"\$\{\w+:-([^${}]*)\}", r"\1", value)
    return inner if inner == value else without_defaults(inner)


def environment(name: str) -> dict[str, str]:
    return {key: without_defaults(value) for key, value in CONTAINERS[name].get("environment", {}).items()}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_given_what_it_needs_in_settings_that_exist(name: str) -> None:
    variables = environment(name)
    assert set(variables) >= NEEDED[name]
    assert {key.lower() for key in variables} <= set(Settings.model_fields)
    read = {key.lower(): json.loads(value) if value.startswith("[") else value for key, value in variables.items()}
    settings = Settings.model_validate(read)
    assert settings.nats_url.endswith("@nats:4222")


@pytest.mark.parametrize("name", SERVICES)
def test_only_workers_reach_the_providers_and_only_the_others_the_database(name: str) -> None:
    variables = set(environment(name))
    assert ("DATABASE_URL" in variables) is (name in ("api", "status", "webhooks"))
    assert bool(variables & PROVIDERS) is (name not in ("api", "status", "webhooks"))


@pytest.mark.parametrize("name", [*SERVICES, "studio"])
def test_every_image_of_ours_is_built_from_its_own_packages_and_code(name: str) -> None:
    build = CONTAINERS[name]["build"]
    assert build["dockerfile"] == "deploy/Dockerfile"
    assert build["args"]["SERVICE"] == name
    assert (ROOT / "requirements" / f"{name}.txt").is_file()
    folder = ROOT / name if name == "studio" else ROOT / "services" / name
    assert (folder / "__main__.py").is_file()


@pytest.mark.parametrize("name", [*SERVICES, "studio"])
def test_a_container_of_ours_can_write_nowhere_and_has_time_to_drain(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    grace = TypeAdapter(int).validate_python(container["stop_grace_period"].removesuffix("s"))
    assert grace > Settings.model_fields["drain_seconds"].default


@pytest.mark.parametrize("name", CONTAINERS)
def test_whoever_is_waited_for_is_there_and_can_be_waited_for(name: str) -> None:
    for needed, how in CONTAINERS[name].get("depends_on", {}).items():
        other = CONTAINERS[needed]
        if how["condition"] == "service_healthy":
            assert "healthcheck" in other
        else:
            assert how["condition"] == "service_completed_successfully"
            assert "restart" not in other  # a container that is started again never completes


def test_the_studios_urls_are_the_studios() -> None:
    assert CONTAINERS["studio"]["build"]["args"]["MODULE"] == "studio"
    assert environment("content")["OPENAI_BASE_URL"] == "http://studio:8080/v1"
    assert environment("audio")["ELEVENLABS_BASE_URL"] == "http://studio:8080"


def test_one_bucket_and_one_key_are_meant_everywhere() -> None:
    variables = environment("content")
    assert environment("migrate")["S3_BUCKET"] == variables["S3_BUCKET"]
    assert "--make-bucket" in CONTAINERS["migrate"]["command"]
    identities = yaml.safe_load(COMPOSE["configs"]["s3"]["content"])["identities"]
    assert identities[0]["credentials"] == [
        {"accessKey": variables["AWS_ACCESS_KEY_ID"], "secretKey": variables["AWS_SECRET_ACCESS_KEY"]}
    ]


@pytest.mark.parametrize("name", CONTAINERS)
def test_ports_are_open_to_this_machine_alone(name: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in CONTAINERS[name].get("ports", []))


@pytest.mark.parametrize("name", [name for name, container in CONTAINERS.items() if "image" in container])
def test_images_from_outside_name_a_version(name: str) -> None:
    assert re.fullmatch(r"[\w/-]+:\d[\w.-]*", CONTAINERS[name]["image"])


@pytest.mark.parametrize(
    "line",
    ["--require-hashes", 'ENTRYPOINT ["tini", "--"]', "USER 10001", "HEALTHCHECK", "ARG SERVICE", "libpango-1.0-0"],
)
def test_the_image_is_hash_checked_has_an_init_and_is_nobody_special(line: str) -> None:
    assert line in DOCKERFILE


def test_the_image_goes_where_its_health_is_asked_for() -> None:
    public, internal = (re.search(rf"{name}_PORT=(\d+)", DOCKERFILE) for name in ("HTTP", "INTERNAL"))
    assert public is not None
    assert internal is not None
    assert f"ARG HEALTH=:{internal[1]}/health/ready" in DOCKERFILE
    assert "'http://127.0.0.1' + os.environ['HEALTH']" in DOCKERFILE
    assert f"EXPOSE {public[1]} {internal[1]}" in DOCKERFILE
    assert CONTAINERS["studio"]["build"]["args"]["HEALTH"] == f":{public[1]}/studio/health"


@pytest.mark.parametrize("name", CONTAINERS)
def test_no_internal_port_is_open_to_the_host(name: str) -> None:
    internal = re.search(r"INTERNAL_PORT=(\d+)", DOCKERFILE)
    assert internal is not None
    assert not any(str(port).endswith(f":{internal[1]}") for port in CONTAINERS[name].get("ports", []))
