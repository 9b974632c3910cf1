"""Authentication: a valid key is remembered for moments, so that requests cost no statement, and for no longer."""

from collections.abc import AsyncIterator

import pytest
from pydantic import ValidationError

from storyloom.db.pool import Pool, close_pool, open_pool
from storyloom.runtime.settings import Settings
from storyloom.web.authentication import Authenticator
from storyloom.web.keys import add_key, digest, read_keys
from storyloom.web.problems import Problem


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Pool]:
    """The database alone."""
    found = await open_pool(settings, size=1)
    yield found
    await close_pool(found)


class Clock:
    """Seconds that pass when a test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


async def revoke(pool: Pool, key: str) -> None:
    await pool.execute("UPDATE api_keys SET revoked_at = now() WHERE secret_hash = $1", digest(key))


async def test_a_known_key_costs_no_statement_and_a_revoked_one_is_refused_within_the_setting(pool: Pool) -> None:
    clock, key = Clock(), await add_key(pool, "family", "x")
    keys = Authenticator(pool, seconds=3, clock=clock)
    first = await keys.authenticate(f"Bearer {key}", scope="stories:read")
    await revoke(pool, key)
    clock.now += 2.9
    assert await keys.find(key) is first
    clock.now += 0.2
    with pytest.raises(Problem, match="revoked") as refused:
        await keys.authenticate(f"Bearer {key}", scope="stories:read")
    assert refused.value.status == 401


async def test_no_setting_keeps_a_revoked_key_valid_for_longer_than_five_seconds() -> None:
    assert Settings().key_cache_seconds <= 5
    with pytest.raises(ValidationError):
        Settings(key_cache_seconds=5.1)


async def test_a_key_is_not_remembered_beyond_its_own_end(pool: Pool) -> None:
    clock, key = Clock(), await add_key(pool, "family", "x", lifetime=1)
    keys = Authenticator(pool, seconds=3, clock=clock)
    assert await keys.find(key) is not None
    await revoke(pool, key)  # what a second would do
    clock.now += 1.1
    assert await keys.find(key) is None


async def test_what_is_remembered_is_bounded_and_is_no_key(pool: Pool) -> None:
    """The key used longest ago is forgotten first; a process's memory holds hashes."""
    one, two, three = [await add_key(pool, "family", name) for name in "abc"]
    keys = Authenticator(pool, seconds=3, capacity=2, clock=Clock())
    for key in (one, two, one, three):
        assert await keys.find(key) is not None
    assert list(keys._remembered) == [digest(one), digest(three)]
    assert one not in repr(vars(keys))


async def test_an_unknown_key_is_asked_about_again_and_works_once_it_is_made(pool: Pool) -> None:
    keys = Authenticator(pool, seconds=3, clock=Clock())
    key = await add_key(pool, "family", "x")
    await pool.execute("UPDATE api_keys SET secret_hash = $1", b"other")
    assert await keys.find(key) is None
    await pool.execute("UPDATE api_keys SET secret_hash = $1", digest(key))
    assert await keys.find(key) is not None


async def test_the_last_use_is_written_in_the_background_once_a_minute(pool: Pool) -> None:
    key = await add_key(pool, "family", "x")
    keys = Authenticator(pool, seconds=0)

    async def last_used() -> object:
        return (await read_keys(pool))[0]["last_used_at"]

    await keys.find(key)
    assert await last_used() is None
    await keys.note_use()
    noted = await last_used()
    assert noted is not None
    await keys.find(key)
    await keys.note_use()
    assert await last_used() == noted
    await pool.execute("UPDATE api_keys SET last_used_at = now() - interval '61 seconds'")
    await keys.find(key)
    await keys.note_use()
    assert await last_used() == await pool.fetchval(
        "SELECT last_used_at FROM api_keys WHERE last_used_at > now() - interval '50 s'"
    )
