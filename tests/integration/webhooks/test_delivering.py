"""What is due is sent, signed, again and again, until it is taken or has failed for good."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from services.webhooks import app as webhooks
from services.webhooks import housekeeping
from services.webhooks.housekeeping import Housekeeping
from storyloom.db.pool import Pool
from storyloom.runtime.settings import Settings
from storyloom.story.notifications import MAX_PAYLOAD_BYTES
from tests.integration.core.system import until
from tests.integration.webhooks.receiver import SECRET, Receiver, answer, hang, local, take
from tests.integration.webhooks.rows import add_delivery, add_endpoint, delivery, endpoint

SELF_SIGNED = Path(__file__).with_name("self_signed.pem")
"""A key and a certificate for localhost that nobody has signed."""


@asynccontextmanager
async def serving(settings: Settings, **changes: Any) -> AsyncIterator[webhooks.RunningWebhooks]:
    """The service, running."""
    running = await webhooks.serve(local(settings, **changes))
    try:
        yield running
    finally:
        await running.stop()


async def settled(pool: Pool, delivery_id: UUID, *, within: float = 10) -> Any:
    """The delivery's row once it is not pending any more."""

    async def done() -> bool:
        return str((await delivery(pool, delivery_id))["state"]) != "pending"

    await until(done, within=within)
    return await delivery(pool, delivery_id)


async def test_what_is_due_is_sent_once_and_signed(settings: Settings, pool: Pool) -> None:
    async with Receiver() as receiver:
        found = await add_endpoint(pool, receiver.url)
        due = await add_delivery(pool, found)
        async with serving(settings):
            row = await settled(pool, due)
        (received,) = receiver.received
    assert row["state"] == "delivered"
    assert received.id == row["event_id"]
    assert received.event["type"] == "story.completed"
    (entry,) = row["log"]
    assert entry["status"] == 204
    assert set(entry) == {"at", "status", "durationMs"}
    health = await endpoint(pool, found)
    assert health["verified_at"] is not None
    assert health["failing_since"] is None


async def test_a_failed_attempt_is_repeated_under_the_same_id_until_it_is_taken(settings: Settings, pool: Pool) -> None:
    async with Receiver(answer(500), answer(503), take) as receiver:
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url))
        async with serving(settings):
            row = await settled(pool, due)
    assert len({received.id for received in receiver.received}) == 1
    assert [entry["status"] for entry in row["log"]] == [500, 503, 204]
    assert [entry.get("error") for entry in row["log"]] == ["server_error", "server_error", None]


async def test_after_the_last_attempt_it_has_failed(settings: Settings, pool: Pool) -> None:
    async with Receiver(answer(500)) as receiver:
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url))
        async with serving(settings, webhook_retry_delays=(0.02, 0.02)):
            row = await settled(pool, due)
    assert (row["state"], row["attempts"], receiver.requests) == ("failed", 3, 3)


async def test_two_secrets_sign_while_one_of_them_expires(settings: Settings, pool: Pool) -> None:
    """Whoever has the old one verifies, and whoever has the new one."""
    old = "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk"
    expires = datetime.now(UTC) + timedelta(hours=1)
    for known in (SECRET, old):
        async with Receiver(secret=known) as receiver:
            found = await add_endpoint(pool, receiver.url, old_secret=old, old_secret_expires_at=expires)
            due = await add_delivery(pool, found)
            async with serving(settings):
                assert (await settled(pool, due))["state"] == "delivered"
        assert len(receiver.received[0].signatures) == 2


async def test_an_expired_secret_signs_no_more(settings: Settings, pool: Pool) -> None:
    old = "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk"
    async with Receiver() as receiver:
        found = await add_endpoint(pool, receiver.url, old_secret=old, old_secret_expires_at=datetime.now(UTC))
        due = await add_delivery(pool, found)
        async with serving(settings):
            await settled(pool, due)
    assert len(receiver.received[0].signatures) == 1


async def test_a_410_disables_the_endpoint_and_pauses_the_rest(settings: Settings, pool: Pool) -> None:
    async with Receiver(answer(410)) as receiver:
        found = await add_endpoint(pool, receiver.url)
        first = await add_delivery(pool, found)
        async with serving(settings):
            row = await settled(pool, first)
            assert (row["state"], row["log"][0]["error"]) == ("failed", "gone")
            disabled = await endpoint(pool, found)
            assert (disabled["enabled"], disabled["disabled_reason"]) == (False, "gone")
            second = await add_delivery(pool, found)
            await Housekeeping(pool, retention=timedelta(days=1)).tidy()
            assert (await delivery(pool, second))["state"] == "paused"
    assert receiver.requests == 1


async def test_an_endpoint_that_fails_for_days_is_disabled(settings: Settings, pool: Pool) -> None:
    async with Receiver(answer(500)) as receiver:
        since = datetime.now(UTC) - timedelta(days=4.9)
        patient = await add_endpoint(pool, receiver.url, failing_since=since)
        spent = await add_endpoint(pool, receiver.url, failing_since=since - timedelta(days=0.2))
        due = [await add_delivery(pool, one) for one in (patient, spent)]
        async with serving(settings, webhook_retry_delays=(0.02,)):
            states = [(await settled(pool, one))["state"] for one in due]
    assert states == ["failed", "paused"]
    assert (await endpoint(pool, patient))["enabled"]
    assert (await endpoint(pool, spent))["disabled_reason"] == "failing"


async def test_an_endpoint_that_works_again_is_forgiven(settings: Settings, pool: Pool) -> None:
    async with Receiver() as receiver:
        found = await add_endpoint(pool, receiver.url, failing_since=datetime.now(UTC) - timedelta(days=30))
        due = await add_delivery(pool, found)
        async with serving(settings):
            await settled(pool, due)
    health = await endpoint(pool, found)
    assert (health["enabled"], health["failing_since"]) == (True, None)


async def error_of(settings: Settings, pool: Pool, url: str, **changes: Any) -> dict[str, Any]:
    """What the log says of one attempt at a URL."""
    due = await add_delivery(pool, await add_endpoint(pool, url))
    async with serving(settings, webhook_retry_delays=(), **changes):
        row = await settled(pool, due)
    assert row["state"] == "failed"
    (entry,) = row["log"]
    assert entry["remedy"]
    found: dict[str, Any] = entry
    return found


async def test_a_redirect_is_not_followed(settings: Settings, pool: Pool) -> None:
    async with Receiver() as other, Receiver(answer(302, location=other.url)) as receiver:
        entry = await error_of(settings, pool, receiver.url)
        assert (entry["status"], entry["error"]) == (302, "redirected")
        assert "not followed" in entry["remedy"]
        assert (receiver.requests, other.requests) == (1, 0)


async def test_too_large_a_body_is_told_with_a_remedy(settings: Settings, pool: Pool) -> None:
    async with Receiver(answer(413)) as receiver:
        entry = await error_of(settings, pool, receiver.url)
    assert (entry["status"], entry["error"]) == (413, "too_large")
    assert "20 kB" in entry["remedy"]


async def test_the_largest_body_arrives_whole(settings: Settings, pool: Pool) -> None:
    body = json.dumps({"type": "story.completed", "x": "y" * (MAX_PAYLOAD_BYTES - 36)})
    assert len(body) == MAX_PAYLOAD_BYTES
    async with Receiver() as receiver:
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url), payload=body)
        async with serving(settings):
            assert (await settled(pool, due))["state"] == "delivered"
    assert receiver.received[0].event == json.loads(body)


def server_tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(SELF_SIGNED)
    return context


async def test_a_certificate_of_nobodys_is_refused(settings: Settings, pool: Pool) -> None:
    async with Receiver(tls=server_tls()) as receiver:
        entry = await error_of(settings, pool, receiver.url)
        assert (entry["status"], entry["error"]) == (None, "certificate")
        assert receiver.requests == 0


async def test_a_certificate_that_is_trusted_is_taken(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """…by the name that it is for, though the connection goes to an address."""
    monkeypatch.setenv("SSL_CERT_FILE", str(SELF_SIGNED))
    async with Receiver(tls=server_tls()) as receiver:
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url.replace("127.0.0.1", "localhost")))
        async with serving(settings, webhook_allow_http=False):
            assert (await settled(pool, due))["state"] == "delivered"


async def test_what_speaks_no_tls_is_told_apart(settings: Settings, pool: Pool) -> None:
    async with Receiver() as receiver:
        entry = await error_of(settings, pool, receiver.url.replace("http:", "https:"))
    assert entry["error"] == "tls"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://hooks.invalid/", "dns"),
        ("http://127.0.0.1:9/", "address"),
        ("http://127.0.0.1:19999/", "connection"),
        ("http://10.0.0.1/", "address"),
        ("http://169.254.169.254/latest", "address"),
    ],
)
async def test_what_cannot_be_reached_says_why(settings: Settings, pool: Pool, url: str, error: str) -> None:
    assert (await error_of(settings, pool, url))["error"] == error


async def test_without_the_setting_loopback_is_not_called(settings: Settings, pool: Pool) -> None:
    async with Receiver() as receiver:
        by_address = await error_of(settings, pool, receiver.url, webhook_allowed_networks=[])
        by_name = await error_of(
            settings, pool, receiver.url.replace("127.0.0.1", "localhost"), webhook_allowed_networks=[]
        )
        assert (by_address["error"], by_name["error"]) == ("address", "address")
        assert receiver.requests == 0


async def test_an_endpoint_that_hangs_is_given_up_in_time(settings: Settings, pool: Pool) -> None:
    async with Receiver(hang) as receiver:
        entry = await error_of(settings, pool, receiver.url, webhook_timeout=0.3)
    assert entry["error"] == "timeout"
    assert 250 <= entry["durationMs"] < 2000


async def test_an_endless_answer_is_not_read_to_its_end(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its head has said all; nothing of its body is logged."""
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            while sent < 50_000_000:
                await response.write(b"secret words " * 1000)
                sent += 13_000
        return response

    async with Receiver(endless) as receiver:
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url))
        async with serving(settings):
            row = await settled(pool, due)
    assert row["state"] == "delivered"
    assert sent < 20_000_000
    printed = capfd.readouterr()
    assert "secret words" not in printed.out + printed.err + json.dumps(row["log"])


async def test_a_dripping_body_does_not_hold_its_slot(settings: Settings, pool: Pool) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        return await hang(request)

    async with Receiver(drip) as receiver:
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url))
        async with serving(settings, webhook_timeout=30):
            row = await settled(pool, due, within=8)
    assert row["state"] == "delivered"


async def test_more_time_is_given_to_whoever_asks_for_it(settings: Settings, pool: Pool) -> None:
    async with Receiver(answer(429, retry_after="30")) as receiver:
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url))
        async with serving(settings):
            await receiver.wait_for(1)

            async def recorded() -> bool:
                return bool((await delivery(pool, due))["log"])

            await until(recorded)
    row = await delivery(pool, due)
    assert (row["state"], row["log"][0]["error"]) == ("pending", "rate_limited")
    assert row["next_at"] > datetime.now(UTC) + timedelta(seconds=20)


async def test_an_endpoint_gets_no_more_at_once_than_it_may(settings: Settings, pool: Pool) -> None:
    """One at a time until it has worked, then as many as the setting says."""
    at_once = most = 0
    release = asyncio.Event()

    async def count(_request: web.Request) -> web.Response:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await release.wait()
        at_once -= 1
        return web.Response()

    async with Receiver(count) as receiver:
        found = await add_endpoint(pool, receiver.url)
        due = [await add_delivery(pool, found) for _ in range(12)]
        async with serving(settings, webhook_endpoint_concurrency=3, webhook_timeout=20) as service:
            await receiver.wait_for(1)
            service.dispatcher.wake([found])
            assert most == 1, "it has not worked yet"
            await pool.execute("UPDATE webhook_endpoints SET verified_at = now()")
            service.dispatcher.wake([found])
            await receiver.wait_for(3)
            service.dispatcher.wake([found])
            release.set()
            for one in due:
                await settled(pool, one)
    assert most == 3
    assert receiver.requests == 12


async def test_old_deliveries_are_deleted_some_at_a_time(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "BATCH_SIZE", 2)
    monkeypatch.setattr(housekeeping, "BATCH_PAUSE_SECONDS", 0)
    found = await add_endpoint(pool, "https://hooks.invalid/")
    old = [await add_delivery(pool, found) for _ in range(5)]
    recent, pending = await add_delivery(pool, found), await add_delivery(pool, found)
    done = (
        "UPDATE webhook_deliveries SET state = 'delivered', next_at = NULL, settled_at = now() - $2::interval"
        " WHERE id = $1"
    )
    for one in old:
        await pool.execute(done, one, timedelta(days=31))
    await pool.execute(done, recent, timedelta(days=29))
    assert await Housekeeping(pool, retention=timedelta(days=30)).tidy() == 5
    rows = await pool.fetch("SELECT id FROM webhook_deliveries")
    assert {row["id"] for row in rows} == {recent, pending}


async def test_no_secret_is_logged(settings: Settings, pool: Pool, capfd: pytest.CaptureFixture[str]) -> None:
    async with Receiver(answer(500)) as receiver:
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url))
        async with serving(settings, webhook_retry_delays=()):
            row = await settled(pool, due)
    printed = capfd.readouterr()
    assert SECRET not in printed.out + printed.err + str(dict(row))


async def test_a_proxy_of_the_environment_is_not_used(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless a setting says so: it would decide which addresses are called."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with Receiver() as receiver, Receiver() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url))
        async with serving(settings):
            assert (await settled(pool, due))["state"] == "delivered"
        assert (receiver.requests, proxy.requests) == (1, 0)
        due = await add_delivery(pool, await add_endpoint(pool, "http://hooks.invalid/"))
        async with serving(settings, webhook_trust_proxy=True):
            assert (await settled(pool, due))["state"] == "delivered"
        assert proxy.requests == 1
