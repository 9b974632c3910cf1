"""Servers in containers, for machines that have Docker and want the very images of production (``--containers``)."""

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import wait_for_logs
from testcontainers.postgres import PostgresContainer


def start_postgres(request: pytest.FixtureRequest) -> str:
    """Postgres until the session ends; its URL."""
    container = PostgresContainer("postgres:18-alpine", driver=None)
    container.start()
    request.addfinalizer(container.stop)
    url: str = container.get_connection_url()
    return url


def start_nats(request: pytest.FixtureRequest) -> str:
    """NATS with JetStream until the session ends; its URL."""
    container = DockerContainer("nats:2.12-alpine").with_command("-js").with_exposed_ports(4222)
    container.start()
    request.addfinalizer(container.stop)
    wait_for_logs(container, "Server is ready")
    return f"nats://{container.get_container_host_ip()}:{container.get_exposed_port(4222)}"
