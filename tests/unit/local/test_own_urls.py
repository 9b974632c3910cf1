"""Every service is given its own URLs, and nobody else's."""

import pytest

from local.own_urls import environment_of

OWN = {
    "NATS_URL": "nats://ops",
    "DATABASE_URL": "postgresql://ops",
    "API_NATS_URL": "nats://api",
    "API_DATABASE_URL": "postgresql://api",
    "IMAGES_NATS_URL": "nats://images",
    "STATUS_URL": "http://status",
}


@pytest.mark.parametrize(
    ("service", "given"),
    [
        ("api", {"NATS_URL": "nats://api", "DATABASE_URL": "postgresql://api", "STATUS_URL": "http://status"}),
        ("images", {"NATS_URL": "nats://images", "STATUS_URL": "http://status"}),
    ],
)
def test_a_service_knows_its_own_urls_alone(service: str, given: dict[str, str]) -> None:
    assert environment_of(service, OWN) == given


def test_what_all_share_stays() -> None:
    shared = {"NATS_URL": "nats://theirs", "DATABASE_URL": "postgresql://theirs"}
    assert environment_of("api", shared) == shared
    mixed = {"DATABASE_URL": "postgresql://theirs", "API_NATS_URL": "nats://api"}
    assert environment_of("api", mixed) == {"DATABASE_URL": "postgresql://theirs", "NATS_URL": "nats://api"}
