"""Every route of the api, as its router has them: who may come in, and whose stories they find."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, get_args
from uuid import UUID

import pytest
from aiohttp import ClientResponse, web

from storyloom.runtime.settings import Settings
from storyloom.web.keys import Scope, add_key, digest
from tests.integration.core.system import BRIEF, System, running

OPEN = ("/health/live", "/health/ready", "/metrics")
"""What needs no key."""
READING = frozenset({"GET", "HEAD"})
VALUES = {"asset": "cover", "scene": "1"}
"""What stands in a path besides a story's id."""
BODIES: dict[str, dict[str, Any]] = {"/stories": BRIEF, "/scenes/{scene}/text": {"text": "Mira found it."}}
"""What a request needs to be understood, by how its path ends."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the router: its method and its path, with names in braces."""

    method: str
    path: str

    @property
    def of_a_story(self) -> bool:
        """Whether it names a story."""
        return "{id}" in self.path

    def address(self, story_id: UUID) -> str:
        """The path with all names filled in; an unknown one is a KeyError: say what it is in VALUES."""
        return self.path.format(id=story_id, **VALUES)

    @property
    def body(self) -> dict[str, Any] | None:
        return next((body for end, body in BODIES.items() if self.path.endswith(end)), None)


def routes(app: web.Application) -> list[Route]:
    """All that is behind a key."""
    found = [
        Route(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None
    ]
    return [route for route in found if route.path not in OPEN]


@asynccontextmanager
async def asked(system: System, route: Route, story_id: UUID, key: str | None) -> AsyncIterator[ClientResponse]:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    body = None if route.method in READING else route.body
    url = f"{system.api.url}{route.address(story_id)}"
    async with system.http.request(route.method, url, headers=headers, json=body, allow_redirects=False) as answer:
        yield answer


async def statuses(system: System, story_id: UUID, key: str | None) -> dict[Route, int]:
    """What each route answers to a key."""
    found = {}
    for route in routes(system.api.application):
        async with asked(system, route, story_id, key) as answer:
            found[route] = answer.status
    assert len(found) >= 10
    return found


@pytest.fixture
async def system(settings: Settings) -> AsyncIterator[System]:
    """Api and status, without workers."""
    async with running(settings, workers=()) as found:
        yield found


async def test_no_route_answers_without_a_valid_key(system: System) -> None:
    """None, an unknown one, a revoked one, an expired one, one of a tenant that was deleted: 401."""
    story_id = await system.post()
    revoked, expired, orphan = [
        await add_key(system.pool, tenant, "x") for tenant in ("tests", "tests", "soon-deleted")
    ]
    await system.pool.execute("UPDATE api_keys SET revoked_at = now() WHERE secret_hash = $1", digest(revoked))
    await system.pool.execute("UPDATE api_keys SET expires_at = now() WHERE secret_hash = $1", digest(expired))
    await system.pool.execute("DELETE FROM tenants WHERE id = 'soon-deleted'")
    for key in (None, "sk_unknown", "no key at all", revoked, expired, orphan):
        found = await statuses(system, story_id, key)
        assert set(found.values()) == {401}, {route: status for route, status in found.items() if status != 401}
    assert len(await system.rows("SELECT FROM stories")) == 1


async def test_a_key_of_too_little_scope_opens_no_route(system: System) -> None:
    """Without any scope: 403 everywhere. To read is not to write, and every scope but the route's own is too little."""
    story_id = await system.post()
    found = await statuses(system, story_id, await add_key(system.pool, "tests", "none", scopes=()))
    assert set(found.values()) == {403}, found
    opened: dict[Route, set[str]] = {}
    for scope in get_args(Scope):
        if scope == "admin":
            continue
        key = await add_key(system.pool, "stranger", scope, scopes=(scope,))  # whose calls change nothing
        for route, status in (await statuses(system, story_id, key)).items():
            if status != 403:
                opened.setdefault(route, set()).add(scope)
    for route, scopes in opened.items():
        assert len(scopes) == 1, route
        assert (scopes == {"stories:read"}) == (route.method in READING), (route, scopes)


async def test_another_tenants_key_finds_no_story_by_any_route(system: System) -> None:
    """404, the same as for an id that no story has; and nothing of the story is changed."""
    story_id = await system.post()
    await system.projector_idle()
    before = await system.rows("SELECT * FROM stories WHERE tenant_id = 'tests'")
    stranger = await add_key(system.pool, "stranger", "x", scopes=("admin",))
    found = await statuses(system, story_id, stranger)
    assert {status for route, status in found.items() if route.of_a_story} == {404}, found
    assert [dict(row) for row in await system.rows("SELECT * FROM stories WHERE tenant_id = 'tests'")] == [
        dict(row) for row in before
    ]
    assert not await system.rows("SELECT FROM command_outbox")
    async with system.http.get(
        f"{system.api.url}/api/v1/stories", headers={"Authorization": f"Bearer {stranger}"}
    ) as answer:
        assert str(story_id) not in await answer.text()


async def test_the_progress_stream_asked_of_status_itself_opens_as_little(system: System) -> None:
    """An ingress may lead there without the api."""
    story_id = await system.post()
    url = f"{system.status.url}/api/v1/stories/{story_id}/events"
    stranger = await add_key(system.pool, "stranger", "x")
    writer = await add_key(system.pool, "tests", "x", scopes=("stories:write",))
    for key, status in ((None, 401), ("sk_unknown", 401), (writer, 403), (stranger, 404)):
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        async with system.http.get(url, headers=headers) as answer:
            assert answer.status == status
