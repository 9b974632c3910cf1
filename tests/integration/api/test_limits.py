"""Limits of a tenant: counted by all replicas together, told by headers, and refused with when to come again."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from services.api.limits import LEASE_SECONDS, LimitError, Quota, RequestLimiter, seconds_to_midnight
from storyloom.db.pool import Pool, close_pool, open_pool
from storyloom.runtime.settings import Settings
from storyloom.web.keys import Caller, add_key
from storyloom.web.problems import Problem
from tests.integration.core.system import running
from tests.unit.api.site import problem


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Pool]:
    """The database alone, with one tenant."""
    found = await open_pool(settings, size=2)
    await add_key(found, "family", "x")
    yield found
    await close_pool(found)


def family(limit: int | None) -> Caller:
    return Caller("family", frozenset(), requests_per_minute=limit)


async def granted(limiter: RequestLimiter, limit: int, *, most: int = 1000) -> int:
    """How many requests come through until one is refused."""
    for count in range(most):
        try:
            await limiter.take(family(limit))
        except LimitError:
            return count
    return most


async def test_replicas_grant_together_what_a_minute_allows_and_not_one_more(pool: Pool) -> None:
    """Each leases a few at a time; all of the quota can be had where they ask in turn."""
    replicas = [RequestLimiter(pool, default=1) for _ in range(3)]
    took = 0
    refused: set[int] = set()
    while len(refused) < 3:
        for number, replica in enumerate(replicas):
            try:
                await replica.take(family(300))
                took += 1
            except LimitError:
                refused.add(number)
    assert 300 <= took <= 303  # while it is asked for a few more become free


async def test_most_requests_cost_no_statement(pool: Pool) -> None:
    limiter = RequestLimiter(pool, default=6000)
    await limiter.take(family(None))
    leased = await pool.fetchrow("SELECT full_at, granted FROM request_rates")
    for _ in range(49):
        await limiter.take(family(None))
    assert await pool.fetchrow("SELECT full_at, granted FROM request_rates") == leased
    assert leased is not None
    assert leased["granted"] == 50


async def test_a_small_quota_is_leased_one_by_one(pool: Pool) -> None:
    """So that no replica holds what another one's client waits for."""
    one, other = RequestLimiter(pool, default=1), RequestLimiter(pool, default=1)
    assert (await one.take(family(3))).remaining == 2
    assert (await other.take(family(3))).remaining == 1
    assert (await one.take(family(3))).remaining == 0
    assert await granted(other, 3) == 0


async def test_a_refusal_says_when_to_come_again_and_is_remembered(pool: Pool) -> None:
    limiter = RequestLimiter(pool, default=6)
    assert await granted(limiter, 6) == 6
    with pytest.raises(LimitError) as refused:
        await limiter.take(family(6))
    assert (refused.value.status, refused.value.code) == (429, "too_many_requests")
    assert 1 <= int(refused.value.headers["Retry-After"]) <= 10
    await pool.execute("DELETE FROM request_rates")
    assert await granted(limiter, 6) == 0  # without a statement
    assert await granted(RequestLimiter(pool, default=6), 6) == 6


async def test_the_quota_fills_up_evenly(pool: Pool) -> None:
    assert await granted(RequestLimiter(pool, default=6), 6) == 6
    await pool.execute("UPDATE request_rates SET full_at = full_at - interval '20 seconds'")
    assert await granted(RequestLimiter(pool, default=6), 6) == 2


async def test_a_clock_that_was_set_back_keeps_nobody_waiting_for_more_than_the_window(pool: Pool) -> None:
    await granted(RequestLimiter(pool, default=6), 6)
    await pool.execute("UPDATE request_rates SET full_at = full_at + interval '1 hour'")
    with pytest.raises(LimitError) as refused:
        await RequestLimiter(pool, default=6).take(family(6))
    assert int(refused.value.headers["Retry-After"]) <= 11


async def test_a_lease_is_not_kept_for_a_later_minute(pool: Pool) -> None:
    now = 0.0
    limiter = RequestLimiter(pool, default=600, clock=lambda: now)
    await limiter.take(family(600))
    now += LEASE_SECONDS + 1
    await pool.execute("UPDATE request_rates SET full_at = now() + interval '1 minute'")
    with pytest.raises(LimitError):
        await limiter.take(family(600))


async def test_a_deleted_tenant_has_no_quota(pool: Pool) -> None:
    await pool.execute("DELETE FROM tenants")
    with pytest.raises(Problem) as refused:
        await RequestLimiter(pool, default=6).take(family(None))
    assert refused.value.status == 401


async def test_requests_at_the_same_instant_share_one_lease(pool: Pool) -> None:
    limiter = RequestLimiter(pool, default=600)
    await asyncio.gather(*(limiter.take(family(None)) for _ in range(10)))
    assert await pool.fetchval("SELECT round(extract(epoch FROM full_at - now())) FROM request_rates") == 1


async def test_answers_tell_of_the_limit_and_a_429_is_a_problem(settings: Settings) -> None:
    """Successes and streams, too; another tenant is not concerned."""
    async with running(settings, workers=()) as system:
        story_id = await system.post()
        url = f"{system.api.url}/api/v1/stories"
        async with system.http.get(url, headers=system.headers) as answer:
            assert answer.headers["RateLimit-Policy"] == '"requests";q=30000;w=60'
            assert re.fullmatch(r'"requests";r=\d+;t=\d+', answer.headers["RateLimit"])
        async with system.http.get(f"{url}/{story_id}/events", headers=system.headers) as answer:
            assert "RateLimit" in answer.headers
        await system.pool.execute("UPDATE tenants SET requests_per_minute = 1")
        await system.pool.execute("DELETE FROM request_rates")
        limited = await add_key(system.pool, "limited", "x")
        await system.pool.execute("UPDATE tenants SET requests_per_minute = 2 WHERE id = 'limited'")
        headers = {"Authorization": f"Bearer {limited}"}
        for left in (1, 0):
            async with system.http.get(url, headers=headers) as answer:
                assert answer.status == 200
                assert answer.headers["RateLimit"].startswith(f'"requests";r={left};t=')
        async with system.http.get(url, headers=headers) as answer:
            assert answer.status == 429
            assert (await problem(answer))["code"] == "too_many_requests"
            assert 1 <= int(answer.headers["Retry-After"]) <= 31
            assert answer.headers["RateLimit-Policy"] == '"requests";q=2;w=60'
        await system.pool.execute("UPDATE tenants SET requests_per_minute = NULL WHERE id = 'tests'")
        async with system.http.get(url, headers=system.headers) as answer:
            assert answer.status == 200


def test_a_quota_is_told_as_the_draft_has_it() -> None:
    quota = Quota("stories", 100, 3, 86_400, 11.2)
    assert quota.policy == '"stories";q=100;w=86400'
    assert quota.state == '"stories";r=3;t=12'
    assert Quota("regenerations", 5, 0).policy == '"regenerations";q=5'
    assert 0 < seconds_to_midnight() <= 86_400
