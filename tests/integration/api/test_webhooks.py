"""``/webhooks`` over HTTP: endpoints, their log, and sending again; each tenant's are its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from standardwebhooks import Webhook

from storyloom.runtime.settings import Settings
from storyloom.web.keys import Scope, add_key
from tests.integration.core.system import System, running, until
from tests.integration.webhooks.receiver import local
from tests.integration.webhooks.rows import add_delivery, delivery
from tests.unit.api.site import problem

HOOK = "https://1.1.1.1/hooks"
"""A public address: nothing is sent there, since webhooks does not run."""


class Caller:
    """A client with a key of its own."""

    def __init__(self, system: System, key: str) -> None:
        self.system = system
        self.headers = {"Authorization": f"Bearer {key}"}

    async def ask(self, method: str, path: str = "", body: Any = None, *, expect: int = 200) -> Any:
        """The JSON of an answer with the expected status; a problem's is checked."""
        url = f"{self.system.api.url}/api/v1/webhooks{path}"
        async with self.system.http.request(method, url, json=body, headers=self.headers) as answer:
            assert answer.status == expect, await answer.text()
            if expect == 204:
                return None
            return await problem(answer) if expect >= 400 else await answer.json()

    async def add(self, url: str = HOOK, **body: Any) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask("POST", body={"url": url, **body}, expect=201)
        return found


async def key_of(system: System, tenant: str, *scopes: Scope) -> Caller:
    return Caller(system, await add_key(system.pool, tenant, "key", scopes=scopes))


@asynccontextmanager
async def calling(settings: Settings) -> AsyncIterator[Caller]:
    """A client of an api alone."""
    async with running(settings, workers=()) as system:
        yield await key_of(system, "tests", "webhooks")


async def test_an_endpoint_is_added_with_a_secret_that_is_shown_once(settings: Settings) -> None:
    async with calling(settings) as caller:
        added = await caller.add(eventTypes=["story.completed", "story.completed"], description="books")
        secret = added.pop("secret")
        assert Webhook(secret)
        assert secret.startswith("whsec_")
        assert added["eventTypes"] == ["story.completed"]
        assert (added["enabled"], added["disabledReason"], added["failingSince"]) == (True, None, None)
        path = f"/api/v1/webhooks/{added['id']}"
        assert added["links"] == {"self": path, "deliveries": f"{path}/deliveries"}
        assert await caller.ask("GET", f"/{added['id']}") == added
        assert await caller.ask("GET") == {"webhooks": [added]}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, {"/url"}),
        ({"url": 7}, {"/url"}),
        ({"url": "https://1.1.1.1/", "eventTypes": ["story.completed", "story.told"]}, {"/eventTypes/1"}),
        ({"url": "https://1.1.1.1/", "description": "a\u0000b", "more": 1}, {"/description", "/more"}),
        ({"url": "http://1.1.1.1/"}, {"/url"}),
        ({"url": "https://user:password@1.1.1.1/"}, {"/url"}),
        ({"url": "https://127.0.0.1/"}, {"/url"}),
        ({"url": "https://169.254.169.254/latest"}, {"/url"}),
        ({"url": "https://localhost/"}, {"/url"}),
        ({"url": "https://1.1.1.1:22/"}, {"/url"}),
    ],
)
async def test_what_cannot_be_an_endpoint_is_refused_with_a_pointer(
    settings: Settings, body: dict[str, Any], pointers: set[str]
) -> None:
    async with calling(settings) as caller:
        refused = await caller.ask("POST", body=body, expect=422)
        assert {error["pointer"] for error in refused["errors"]} == pointers
        assert await caller.ask("GET") == {"webhooks": []}


async def test_a_name_that_cannot_be_resolved_yet_is_taken(settings: Settings) -> None:
    """It is checked at every attempt."""
    async with calling(settings) as caller:
        assert (await caller.add("https://hooks.invalid/x"))["url"] == "https://hooks.invalid/x"


async def test_a_url_is_checked_when_it_is_changed_too(settings: Settings) -> None:
    async with calling(settings) as caller:
        added = await caller.add()
        refused = await caller.ask("PATCH", f"/{added['id']}", {"url": "https://[::1]/"}, expect=422)
        assert refused["errors"][0]["pointer"] == "/url"
        assert (await caller.ask("GET", f"/{added['id']}"))["url"] == HOOK


async def test_a_developer_may_allow_loopback(settings: Settings) -> None:
    async with calling(local(settings)) as caller:
        assert (await caller.add("http://127.0.0.1:9999/hooks"))["url"] == "http://127.0.0.1:9999/hooks"
        await caller.ask("POST", body={"url": "http://10.0.0.1/"}, expect=422)


async def test_twenty_endpoints_are_the_most(settings: Settings) -> None:
    async with calling(settings) as caller:
        for _ in range(20):
            await caller.add()
        refused = await caller.ask("POST", body={"url": HOOK}, expect=409)
        assert (refused["code"], refused["limit"], refused["retryable"]) == ("too_many_webhooks", 20, False)


async def test_two_that_are_added_at_once_are_counted_one_after_the_other(settings: Settings) -> None:
    async with calling(settings) as caller:
        for _ in range(19):
            await caller.add()
        pool = caller.system.pool
        async with pool.acquire() as other, other.transaction():
            await other.execute("SELECT FROM tenants WHERE id = 'tests' FOR NO KEY UPDATE")
            await other.execute("INSERT INTO webhook_endpoints (tenant_id, url, secret) VALUES ('tests', $1, '')", HOOK)
            second = asyncio.create_task(caller.ask("POST", body={"url": HOOK}, expect=409))

            async def waits() -> bool:
                waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                return bool(await pool.fetchval(f"{waiting} AND wait_event_type = 'Lock'")) or second.done()

            await until(waits)
        assert (await second)["code"] == "too_many_webhooks"


ROUTES = [
    ("GET", "/{id}"),
    ("PATCH", "/{id}"),
    ("DELETE", "/{id}"),
    ("POST", "/{id}/rotate"),
    ("POST", "/{id}/test"),
    ("GET", "/{id}/deliveries"),
    ("POST", "/{id}/deliveries/{delivery}/redeliver"),
]


async def test_another_tenants_endpoint_is_none_on_every_route(settings: Settings) -> None:
    async with calling(settings) as caller:
        added = await caller.add()
        sent = await add_delivery(caller.system.pool, UUID(added["id"]))
        other = await key_of(caller.system, "others", "webhooks")
        for method, route in ROUTES:
            path = route.format(id=added["id"], delivery=sent)
            assert (await other.ask(method, path, {} if method != "GET" else None, expect=404))["code"] == "not_found"
        assert await other.ask("GET") == {"webhooks": []}
        before = {name: value for name, value in added.items() if name != "secret"}
        assert await caller.ask("GET", f"/{added['id']}") == before
        mine = await caller.add()
        await caller.ask("POST", f"/{mine['id']}/deliveries/{sent}/redeliver", expect=404)


async def test_every_route_needs_the_scope(settings: Settings) -> None:
    async with calling(settings) as caller:
        reader = await key_of(caller.system, "tests", "stories:read", "stories:write")
        nobody = Caller(caller.system, "sk_nobody")
        for method, route in [("GET", ""), ("POST", ""), *ROUTES]:
            path = route.format(id=uuid4(), delivery=uuid4())
            assert (await reader.ask(method, path, expect=403))["code"] == "scope_missing"
            assert (await nobody.ask(method, path, expect=401))["code"] == "key_unknown"


async def test_an_endpoint_is_changed_and_what_is_left_out_stays(settings: Settings) -> None:
    async with calling(settings) as caller:
        added = await caller.add(eventTypes=["story.failed"], description="old")
        changed = await caller.ask("PATCH", f"/{added['id']}", {"description": "new"})
        assert (changed["description"], changed["eventTypes"], changed["url"]) == ("new", ["story.failed"], HOOK)
        changed = await caller.ask("PATCH", f"/{added['id']}", {"eventTypes": []})
        assert changed["eventTypes"] == []
        refused = await caller.ask("PATCH", f"/{added['id']}", {"enabled": "yes"}, expect=422)
        assert refused["errors"][0]["pointer"] == "/enabled"


async def test_what_is_disabled_pauses_and_what_is_enabled_again_goes_on(settings: Settings) -> None:
    async with calling(settings) as caller:
        added = await caller.add()
        sent = await add_delivery(caller.system.pool, UUID(added["id"]))
        off = await caller.ask("PATCH", f"/{added['id']}", {"enabled": False})
        assert (off["enabled"], off["disabledReason"]) == (False, "client")
        assert (await delivery(caller.system.pool, sent))["state"] == "paused"
        assert (await caller.ask("POST", f"/{added['id']}/test", expect=409))["code"] == "webhook_disabled"
        await caller.ask("POST", f"/{added['id']}/deliveries/{sent}/redeliver", expect=409)
        on = await caller.ask("PATCH", f"/{added['id']}", {"enabled": True})
        assert (on["enabled"], on["disabledReason"]) == (True, None)
        assert (await delivery(caller.system.pool, sent))["state"] == "pending"


async def test_another_url_begins_without_a_history(settings: Settings) -> None:
    async with calling(settings) as caller:
        added = await caller.add()
        await caller.system.pool.execute("UPDATE webhook_endpoints SET verified_at = now(), failing_since = now()")
        assert (await caller.ask("PATCH", f"/{added['id']}", {"description": "x"}))["failingSince"] is not None
        assert (await caller.ask("PATCH", f"/{added['id']}", {"url": f"{HOOK}/2"}))["failingSince"] is None
        assert await caller.system.rows("SELECT FROM webhook_endpoints WHERE verified_at IS NULL")


async def test_a_secret_is_rotated_with_an_overlap(settings: Settings) -> None:
    async with calling(settings) as caller:
        added = await caller.add()
        rotated = await caller.ask("POST", f"/{added['id']}/rotate", {"overlapSeconds": 3600})
        assert rotated["secret"] != added["secret"]
        assert rotated["oldSecretExpiresAt"] is not None
        (row,) = await caller.system.rows("SELECT * FROM webhook_endpoints")
        assert (row["secret"], row["old_secret"]) == (rotated["secret"], added["secret"])
        at_once = await caller.ask("POST", f"/{added['id']}/rotate", {"overlapSeconds": 0})
        (row,) = await caller.system.rows("SELECT * FROM webhook_endpoints")
        assert (row["secret"], row["old_secret"], at_once["oldSecretExpiresAt"]) == (at_once["secret"], None, None)
        refused = await caller.ask("POST", f"/{added['id']}/rotate", {"overlapSeconds": "5"}, expect=422)
        assert refused["errors"][0]["pointer"] == "/overlapSeconds"


async def test_a_deleted_endpoint_is_gone(settings: Settings) -> None:
    async with calling(settings) as caller:
        added = await caller.add()
        await caller.ask("DELETE", f"/{added['id']}", expect=204)
        await caller.ask("GET", f"/{added['id']}", expect=404)
        await caller.ask("DELETE", f"/{added['id']}", expect=404)


async def test_an_example_is_a_delivery_that_is_due_and_says_that_it_is_none(settings: Settings) -> None:
    async with calling(settings) as caller:
        added = await caller.add()
        sent = await caller.ask("POST", f"/{added['id']}/test", {"type": "asset.failed"}, expect=202)
        assert (sent["state"], sent["type"], sent["attempts"], sent["storyId"]) == ("pending", "asset.failed", [], None)
        assert sent["nextAttemptAt"] is not None
        assert sent["payload"]["type"] == "asset.failed"
        assert sent["payload"]["data"]["test"] is True
        assert sent["payload"]["data"]["error"]["code"] == "attempts_spent"
        assert (await caller.ask("GET", f"/{added['id']}/deliveries"))["deliveries"] == [sent]


async def test_the_log_is_read_page_by_page(settings: Settings) -> None:
    async with calling(settings) as caller:
        added = await caller.add()
        for _ in range(5):
            await add_delivery(caller.system.pool, UUID(added["id"]))
        read: list[str] = []
        path = f"/{added['id']}/deliveries?limit=2"
        for expected in (2, 2, 1):
            page = await caller.ask("GET", path)
            read += [one["id"] for one in page["deliveries"]]
            assert len(page["deliveries"]) == expected
            path = f"/{added['id']}/deliveries?limit=2&cursor={page['nextCursor']}"
        assert page["nextCursor"] is None
        assert len(set(read)) == 5
        rows = await caller.system.rows("SELECT id FROM webhook_deliveries ORDER BY created_at DESC, id DESC")
        assert read == [str(row["id"]) for row in rows]


async def test_the_log_tells_each_attempt_and_sending_again_begins_anew(settings: Settings) -> None:
    async with calling(settings) as caller:
        added = await caller.add()
        sent = await add_delivery(caller.system.pool, UUID(added["id"]))
        attempt = {"at": "2026-01-01T00:00:00.000Z", "status": 500, "durationMs": 7, "error": "server_error"}
        await caller.system.pool.execute(
            "UPDATE webhook_deliveries SET state = 'failed', attempts = 7, next_at = NULL, settled_at = now(),"
            " log = $1::text::jsonb",
            json.dumps([attempt]),
        )
        (shown,) = (await caller.ask("GET", f"/{added['id']}/deliveries"))["deliveries"]
        assert shown["state"] == "failed"
        assert shown["attempts"][0]["durationMs"] == 7
        assert shown["attempts"][0]["error"] == "server_error"
        again = await caller.ask("POST", f"/{added['id']}/deliveries/{sent}/redeliver", expect=202)
        assert (again["state"], again["settledAt"], again["eventId"]) == ("pending", None, shown["eventId"])
        assert (await delivery(caller.system.pool, sent))["attempts"] == 0


async def test_what_is_under_way_is_not_begun_a_second_time(settings: Settings) -> None:
    async with calling(settings) as caller:
        added = await caller.add()
        sent = await add_delivery(caller.system.pool, UUID(added["id"]))
        await caller.system.pool.execute(
            "UPDATE webhook_deliveries SET next_at = now() + '30 s', claimed_until = now() + '30 s', attempts = 2"
        )
        before = await delivery(caller.system.pool, sent)
        again = await caller.ask("POST", f"/{added['id']}/deliveries/{sent}/redeliver", expect=202)
        assert again["nextAttemptAt"] is None
        after = await delivery(caller.system.pool, sent)
        assert (after["next_at"], after["claimed_until"], after["attempts"]) == (
            before["next_at"],
            before["claimed_until"],
            2,
        )


async def test_no_secret_is_in_any_answer_but_the_first(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    """…nor in a log."""
    async with calling(settings) as caller:
        added = await caller.add()
        sent = await add_delivery(caller.system.pool, UUID(added["id"]))
        secret = added["secret"]
        answers = [
            await caller.ask("GET"),
            await caller.ask("GET", f"/{added['id']}"),
            await caller.ask("PATCH", f"/{added['id']}", {"description": "x"}),
            await caller.ask("GET", f"/{added['id']}/deliveries"),
            await caller.ask("POST", f"/{added['id']}/test", expect=202),
            await caller.ask("POST", f"/{added['id']}/deliveries/{sent}/redeliver", expect=202),
        ]
        assert secret not in str(answers)
    printed = capfd.readouterr()
    assert secret not in printed.out + printed.err


async def test_a_change_by_the_client_wakes_webhooks(settings: Settings) -> None:
    async with calling(settings) as caller:
        received: list[bytes] = []
        names = caller.system.bus.names

        async def receive(message: Any) -> None:
            received.append(message.data)

        await caller.system.bus.client.subscribe(names.subject("webhooks.due"), cb=receive)
        await caller.system.bus.client.flush()
        added = await caller.add()
        await caller.ask("POST", f"/{added['id']}/test", expect=202)

        async def woken() -> bool:
            return bool(received)

        await until(woken)
        assert added["id"].encode() in received[0]
