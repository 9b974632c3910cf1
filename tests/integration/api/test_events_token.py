"""Tokens for a browser's EventSource: they open one story's stream, for minutes, and nothing else."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog
from aiohttp import ClientSession
from structlog.testing import capture_logs

from storyloom.runtime.settings import Settings
from storyloom.web.keys import add_key, digest
from storyloom.web.stream_tokens import VALID_SECONDS
from tests.integration.api.test_stream import add_updates, started_story
from tests.integration.core.system import BY_HAND, System, running


@pytest.fixture
async def system(settings: Settings) -> AsyncIterator[System]:
    """Api and status, without workers."""
    async with running(settings, reconciler=BY_HAND, workers=()) as found:
        yield found


async def make_token(system: System, story_id: UUID, key: str | None = None) -> dict[str, Any]:
    url = f"{system.api.url}/api/v1/stories/{story_id}/events-token"
    async with system.http.post(url, headers={"Authorization": f"Bearer {key or system.key}"}) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.headers["Cache-Control"] == "no-store"
        made: dict[str, Any] = await answer.json()
        return made


async def refusal(system: System, address: str) -> tuple[int, str | None]:
    """The status of an answer that is no stream, and its code."""
    async with system.http.get(address) as answer:
        assert answer.content_type != "text/event-stream"
        return answer.status, (await answer.json(content_type=None))["code"]


async def test_a_token_opens_its_storys_stream_at_both_services_without_a_header(system: System) -> None:
    story_id = await started_story(system)
    made = await make_token(system, story_id)
    assert made["url"] == f"/api/v1/stories/{story_id}/events?token={made['token']}"
    left = datetime.fromisoformat(made["expiresAt"]) - datetime.now(UTC)
    assert timedelta(seconds=VALID_SECONDS - 60) < left <= timedelta(minutes=5, seconds=5)
    for origin in (system.api.url, system.status.url):
        async with system.http.get(origin + made["url"]) as answer:
            assert answer.status == 200
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert b"id: 1\n" in await answer.content.readuntil(b"\n\n")
        # As a browser reconnects.
        await add_updates(system, story_id)
        async with system.http.get(origin + made["url"], headers={"Last-Event-ID": "1"}) as answer:
            assert b"id: 2\n" in await answer.content.readuntil(b"\n\n")


async def test_a_token_opens_nothing_else(system: System) -> None:
    """Not another story, not another route, not as a key; and not in place of a key that is refused."""
    story_id, other = await started_story(system), await started_story(system)
    token = (await make_token(system, story_id))["token"]
    for origin in (system.api.url, system.status.url):
        base = f"{origin}/api/v1/stories"
        assert await refusal(system, f"{base}/{other}/events?token={token}") == (404, "not_found")
        assert await refusal(system, f"{base}/x/events?token={token}") == (404, "not_found")
        async with system.http.get(
            f"{base}/{story_id}/events?token={token}", headers={"Authorization": "Bearer sk_wrong"}
        ) as answer:
            assert answer.status == 401
    story = f"{system.api.url}/api/v1/stories/{story_id}"
    for address in (
        f"{story}?token={token}",
        f"{story}/assets/cover?token={token}",
        f"{system.api.url}/api/v1/stories",
    ):
        assert await refusal(system, address) == (401, "key_missing")
    async with system.http.get(story, headers={"Authorization": f"Bearer {token}"}) as answer:
        assert answer.status == 401
    async with system.http.post(f"{story}/events-token?token={token}") as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    "wrong", ["", "x", "st_", "st_%00", "st_½", "sk_" + "a" * 43, "st_" + "a" * 43, "st_" + "a" * 4000]
)
async def test_what_is_no_token_is_refused(system: System, wrong: str) -> None:
    story_id = await started_story(system)
    for origin in (system.api.url, system.status.url):
        found = await refusal(system, f"{origin}/api/v1/stories/{story_id}/events?token={wrong}")
        assert found == (401, "token_unknown")


async def test_a_token_that_has_expired_opens_nothing_and_what_it_has_opened_goes_on(system: System) -> None:
    story_id = await started_story(system)
    made = await make_token(system, story_id)
    async with system.http.get(system.api.url + made["url"]) as answer:
        await answer.content.readuntil(b"\n\n")
        await system.pool.execute("UPDATE stream_tokens SET expires_at = now()")
        for origin in (system.api.url, system.status.url):
            assert await refusal(system, origin + made["url"]) == (401, "token_unknown")
        await system.status.open_streams.end_invalid()
        await add_updates(system, story_id)
        assert b"id: 2\n" in await asyncio.wait_for(answer.content.readuntil(b"\n\n"), 5)
    await make_token(system, story_id)
    (left,) = await system.rows("SELECT count(*) AS count FROM stream_tokens")
    assert left["count"] == 1  # who makes one clears away what has expired


@pytest.mark.parametrize("end", ["revoked_at = now()", "expires_at = now()"])
async def test_a_token_and_its_streams_end_with_its_key(system: System, end: str) -> None:
    """…and with that key alone."""
    story_id, key = await started_story(system), await add_key(system.pool, "tests", "short")
    short, long = await make_token(system, story_id, key), await make_token(system, story_id)
    async with (
        system.http.get(system.api.url + short["url"]) as answer,
        system.http.get(system.api.url + long["url"]) as other,
    ):
        for one in (answer, other):
            await one.content.readuntil(b"\n\n")
        await system.pool.execute(f"UPDATE api_keys SET {end} WHERE secret_hash = $1", digest(key))
        await system.status.open_streams.end_invalid()
        assert b"event: end" not in await asyncio.wait_for(answer.content.read(), 5)
        for origin in (system.api.url, system.status.url):
            assert await refusal(system, origin + short["url"]) == (401, "token_unknown")
        await add_updates(system, story_id)
        assert b"id: 2\n" in await asyncio.wait_for(other.content.readuntil(b"\n\n"), 5)


async def test_a_token_does_not_outlive_its_key(system: System) -> None:
    story_id, key = await started_story(system), await add_key(system.pool, "tests", "short", lifetime=60)
    made = await make_token(system, story_id, key)
    assert datetime.fromisoformat(made["expiresAt"]) - datetime.now(UTC) <= timedelta(seconds=65)


async def test_a_token_goes_with_its_story(system: System) -> None:
    """Its reader is told that the story was deleted; no token is made for one that there is not."""
    story_id = await started_story(system)
    made = await make_token(system, story_id)
    story = f"{system.api.url}/api/v1/stories/{story_id}"
    async with system.http.get(system.api.url + made["url"]) as answer:
        await answer.content.readuntil(b"\n\n")
        async with system.http.delete(story, headers=system.headers) as deleted:
            assert deleted.status in (200, 202)
        assert (await asyncio.wait_for(answer.text(), 5)).endswith(
            "event: deleted\ndata: {}\n\nevent: end\ndata: {}\n\n"
        )
    assert await refusal(system, system.api.url + made["url"]) == (401, "token_unknown")
    async with system.http.post(f"{story}/events-token", headers=system.headers) as again:
        assert again.status == 404
    assert not await system.rows("SELECT FROM stream_tokens")


async def test_no_log_and_no_row_has_a_token(system: System) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with capture_logs() as logs:
        story_id = await started_story(system)
        made = await make_token(system, story_id)
        for origin in (system.api.url, system.status.url):
            async with system.http.get(origin + made["url"]) as answer:
                await answer.content.readuntil(b"\n\n")
            await refusal(system, f"{origin}/api/v1/stories/{story_id}/events?token={made['token']}x")
    assert any(line.get("route") == "/api/v1/stories/{id}/events" for line in logs)
    assert made["token"] not in repr(logs)
    (row,) = await system.rows("SELECT * FROM stream_tokens")
    assert row["secret_hash"] == digest(made["token"])
    assert made["token"] not in repr(dict(row))


async def test_a_page_of_an_allowed_origin_follows_a_story(settings: Settings) -> None:
    """At both services: the stream may be read, and so may the refusal of a token."""
    page = {"Origin": "https://app.example"}
    changed = settings.model_copy(update={"cors_origins": ("https://app.example",)})
    async with running(changed, reconciler=BY_HAND, workers=()) as system, ClientSession() as browser:
        story_id = await system.post()
        url = f"{system.api.url}/api/v1/stories/{story_id}/events-token"
        async with browser.post(url, headers=system.headers | page) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == page["Origin"]
            made = await answer.json()
        for origin in (system.api.url, system.status.url):
            async with browser.get(origin + made["url"], headers=page) as answer:
                assert (answer.status, answer.content_type) == (200, "text/event-stream")
                assert answer.headers["Access-Control-Allow-Origin"] == page["Origin"]
                assert answer.headers["Vary"] == "Origin"
            async with browser.get(origin + made["url"] + "x", headers=page) as answer:
                assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, page["Origin"])
