"""Health, metrics and the AsyncAPI document are on a port of their own, which clients do not reach."""

import pytest
from aiohttp import ClientSession

from storyloom.runtime.settings import Settings
from storyloom.runtime.supervision import Running
from storyloom.story.assets import Service
from tests.integration.core.system import BY_HAND, running

INTERNAL = ("/health/live", "/health/ready", "/metrics", "/docs/asyncapi", "/docs/asyncapi.json")


async def test_every_service_answers_them_on_its_internal_port_alone(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=(Service.CONTENT,)) as system:
        services: tuple[Running, ...] = (system.api, system.status, *system.workers.values())
        for service in services:
            for path in INTERNAL:
                async with system.http.get(service.internal_url + path) as answer:
                    assert answer.status == 200, (service.name, path)
        for public in (system.api.url, system.status.url):
            for path in INTERNAL:
                async with system.http.get(public + path) as answer:
                    assert answer.status == 404, path


@pytest.mark.parametrize("path", ["/api/v1/stories", "/api/v1/stories/5d5d1bf2-7b4c-4e0e-9c0e-000000000000/events"])
async def test_the_internal_port_answers_no_client(settings: Settings, path: str) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system, ClientSession() as http:
        for inside in (system.api.internal_url, system.status.internal_url):
            async with http.get(inside + path, headers=system.headers) as answer:
                assert answer.status == 404
