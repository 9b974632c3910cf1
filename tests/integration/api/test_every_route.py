"""Every operation of the OpenAPI document: who may come in, and whose things they find."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, get_args
from uuid import UUID

import pytest

from services.api.docs import operations
from services.api.reading.pages import OUTSIDE_THE_DOCUMENT
from storyloom.runtime.settings import Settings
from storyloom.web.keys import Scope, add_key, digest
from storyloom.web.openapi import Operation
from tests.integration.core.system import BRIEF, System, running
from tests.integration.webhooks.rows import add_delivery, add_endpoint

VALUES = {"asset": "cover", "scene": "1", "share": "7c9e6679-7425-40de-944b-e07fc1f90ae7"}
"""What stands in a path besides an id."""
BODIES: dict[str, dict[str, Any]] = {
    "createStory": BRIEF,
    "createStories": {"stories": [BRIEF]},
    "estimateStory": BRIEF,
    "approveStory": {"textVersion": "8f14e45fceea167a"},
    "editText": {"text": "Mira found it."},
    "createWebhook": {"url": "https://1.1.1.1/hooks"},
}
"""What a request needs to be understood, by its operation."""


@dataclass(frozen=True, slots=True)
class Ids:
    """Things of a tenant that have addresses."""

    story: UUID
    webhook: UUID
    delivery: UUID

    def address(self, operation: Operation) -> str:
        """An operation's path with all names filled in; an unknown one is a KeyError: say what it is in VALUES."""
        one = self.webhook if operation.tag == "Webhooks" else self.story
        return operation.path.format(id=one, delivery=self.delivery, **VALUES)


def needing_a_key() -> list[Operation]:
    """All that the OpenAPI document has behind a key."""
    return [one for one in operations() if one.scope is not None]


async def add_things(system: System) -> Ids:
    """A story and a webhook with a delivery, of the tenant of the tests."""
    story_id = await system.post()
    endpoint = await add_endpoint(system.pool, "https://1.1.1.1/hooks")
    return Ids(story_id, endpoint, await add_delivery(system.pool, endpoint))


async def statuses(system: System, ids: Ids, key: str | None) -> dict[str, int]:
    """What each operation answers to a key."""
    found = {}
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    for one in needing_a_key():
        url = f"{system.api.url}{ids.address(one)}"
        body = BODIES.get(one.id) if one.body else None
        async with system.http.request(one.method, url, headers=headers, json=body, allow_redirects=False) as answer:
            found[one.id] = answer.status
    return found


@pytest.fixture
async def system(settings: Settings) -> AsyncIterator[System]:
    """Api and status, without workers."""
    async with running(settings, workers=()) as found:
        yield found


def test_no_route_is_outside_of_the_document(system: System) -> None:
    """…but the pages under /docs, and those where stories are made and read."""
    routes = {
        (route.method, route.resource.canonical)
        for route in system.api.application.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    declared = {(one.method, one.path) for one in operations()}
    outside = {re.sub(r":[^{}]+}", "}", path) for path in OUTSIDE_THE_DOCUMENT}
    undeclared = {re.sub(r":[^{}]+}", "}", path) for _, path in routes - declared}
    assert {path for path in undeclared if not path.startswith("/docs")} == outside
    assert declared <= {(method, re.sub(r":[^{}]+}", "}", path)) for method, path in routes}


async def test_no_route_answers_without_a_valid_key(system: System) -> None:
    """None, an unknown one, a revoked one, an expired one, one of a tenant that was deleted: 401."""
    ids = await add_things(system)
    revoked, expired, orphan = [
        await add_key(system.pool, tenant, "x") for tenant in ("tests", "tests", "soon-deleted")
    ]
    await system.pool.execute("UPDATE api_keys SET revoked_at = now() WHERE secret_hash = $1", digest(revoked))
    await system.pool.execute("UPDATE api_keys SET expires_at = now() WHERE secret_hash = $1", digest(expired))
    await system.pool.execute("DELETE FROM tenants WHERE id = 'soon-deleted'")
    for key in (None, "sk_unknown", "no key at all", revoked, expired, orphan):
        found = await statuses(system, ids, key)
        assert set(found.values()) == {401}, {one: status for one, status in found.items() if status != 401}
    assert len(await system.rows("SELECT FROM stories")) == 1


async def test_a_key_of_too_little_scope_opens_no_route(system: System) -> None:
    """Without any scope: 403 everywhere. To read is not to write, and every scope but the route's own is too little."""
    ids = await add_things(system)
    found = await statuses(system, ids, await add_key(system.pool, "tests", "none", scopes=()))
    assert set(found.values()) == {403}, found
    opened: dict[str, set[str]] = {}
    for scope in get_args(Scope):
        if scope == "admin":
            continue
        key = await add_key(system.pool, "stranger", scope, scopes=(scope,))  # whose calls change nothing
        for one, status in (await statuses(system, ids, key)).items():
            if status != 403:
                opened.setdefault(one, set()).add(scope)
    assert opened == {one.id: {one.scope} for one in needing_a_key()}


async def test_another_tenants_key_finds_nothing_by_any_route(system: System) -> None:
    """404, the same as for an id that nothing has; and nothing of the story is changed."""
    ids = await add_things(system)
    await system.projector_idle()
    before = await system.rows("SELECT * FROM stories WHERE tenant_id = 'tests'")
    stranger = await add_key(system.pool, "stranger", "x", scopes=("admin",))
    found = await statuses(system, ids, stranger)
    assert {found[one.id] for one in needing_a_key() if "{id}" in one.path} == {404}, found
    assert [dict(row) for row in await system.rows("SELECT * FROM stories WHERE tenant_id = 'tests'")] == [
        dict(row) for row in before
    ]
    assert not await system.rows("SELECT FROM command_outbox")
    async with system.http.get(
        f"{system.api.url}/api/v1/stories", headers={"Authorization": f"Bearer {stranger}"}
    ) as answer:
        assert str(ids.story) not in await answer.text()


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
