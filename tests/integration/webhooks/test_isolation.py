"""A thousand endpoints that are down do not slow one that is up; a name leads where it was checked to, or nowhere."""

import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any
from uuid import UUID

from aiohttp.abc import AbstractResolver, ResolveResult

from services.webhooks import app as webhooks
from services.webhooks import repository
from services.webhooks.attempts import Sender
from services.webhooks.outcomes import Outcome
from services.webhooks.repository import Claim
from storyloom.db.pool import Pool
from storyloom.runtime.settings import Settings
from storyloom.web.egress import EgressPolicy
from tests.integration.webhooks.receiver import SECRET, Receiver, hang, local
from tests.integration.webhooks.rows import TENANT, add_delivery, add_endpoint

DOWN = 1_000
AT_ONCE = 200
"""Slots of a lane: far fewer than endpoints that hang."""


async def add_down(pool: Pool, hanging: str, refusing: str) -> None:
    """Endpoints, each with two deliveries that are due: most hang, the others accept no connection."""
    await pool.execute("INSERT INTO tenants (id) VALUES ($1) ON CONFLICT DO NOTHING", TENANT)
    await pool.execute(
        "INSERT INTO webhook_endpoints (tenant_id, url, secret)"
        " SELECT $1, CASE WHEN n % 5 = 0 THEN $3 ELSE $2 END || n, $4 FROM generate_series(1, $5::int) AS n",
        TENANT, hanging, refusing, SECRET, DOWN,
    )  # fmt: skip
    await pool.execute(
        "INSERT INTO webhook_deliveries (endpoint_id, event_id, type, payload, next_at)"
        " SELECT e.id, 'evt_' || e.id || n, 'story.completed', '{}', now() - interval '1 minute'"
        " FROM webhook_endpoints e, generate_series(1, 2) AS n"
    )


async def latencies(pool: Pool, service: webhooks.RunningWebhooks, endpoint: UUID, receiver: Receiver) -> list[float]:
    """Seconds from a commit to the receipt, of thirty deliveries one after the other."""
    found = []
    for number in range(1, 31):
        await add_delivery(pool, endpoint)
        began = time.perf_counter()
        service.dispatcher.wake([endpoint])
        await receiver.wait_for(number, within=12)
        found.append(time.perf_counter() - began)
    return sorted(found)


async def test_a_thousand_endpoints_that_are_down_do_not_slow_one_that_is_up(settings: Settings, pool: Pool) -> None:
    async with Receiver(hang) as hanging, Receiver() as receiver:
        await add_down(pool, f"{hanging.url}/", "http://127.0.0.1:19999/")
        up = await add_endpoint(pool, receiver.url, verified_at=datetime.now(UTC))
        service = await webhooks.serve(local(settings, webhook_timeout=15, webhook_concurrency=AT_ONCE))
        try:
            await hanging.wait_for(AT_ONCE * 3 // 4, within=30)
            found = await latencies(pool, service, up, receiver)
        finally:
            await service.stop()
    assert found[len(found) // 2] < 1
    assert found[-1] < 5, "less than the time-out of one that hangs"


class RebindingLookup(AbstractResolver):
    """A name whose owner gives another answer every time."""

    def __init__(self, answers: Sequence[Sequence[str]]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0)
            for one in self.answers.pop(0)
        ]

    async def close(self) -> None:
        """Nothing is open."""


def claim(port: int) -> Claim:
    key = UUID(int=7)
    url = f"http://hooks.test:{port}/"
    return Claim(key, key, "evt_7", "{}", 0, 0.0, datetime.now(UTC), url, (SECRET,), steady=True)


async def send(lookup: RebindingLookup, port: int, attempts: int) -> list[Any]:
    """The outcomes of some attempts, where 127.0.0.1 counts as public, and all else on loopback does not."""
    policy = EgressPolicy(allow_http=True, networks=(ip_network("127.0.0.1/32"),))
    sender = Sender(policy, timeout=5, lookup=lambda: lookup)
    try:
        return [(await sender.send(claim(port))).outcome for _ in range(attempts)]
    finally:
        await sender.close()


async def test_a_name_that_is_bound_anew_leads_nowhere_else() -> None:
    """Each attempt resolves, and checks, once: there is no second answer that a connection could go to."""
    async with Receiver() as public, Receiver(host="127.0.0.2", port=public.port) as private:
        lookup = RebindingLookup([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1"], ["127.0.0.1", "127.0.0.2"]])
        found = await send(lookup, public.port, 4)
        assert found == [Outcome.DELIVERED, Outcome.ADDRESS, Outcome.DELIVERED, Outcome.ADDRESS]
        assert lookup.answers == [], "asked once for each attempt"
        assert (public.requests, private.requests) == (2, 0)


async def test_what_has_no_room_for_more_hides_nothing_that_has(pool: Pool) -> None:
    """Endpoints that hang, with more to be sent to them, come first by their age: a search looks past them."""
    hanging = [await add_endpoint(pool, "https://hooks.invalid/") for _ in range(3)]
    for one in hanging:
        await add_delivery(pool, one)
    waiting = await add_endpoint(pool, "https://hooks.invalid/")
    await add_delivery(pool, waiting)
    assert await repository.due_endpoints(pool, saturated=hanging, limit=1) == [waiting]


async def test_those_that_work_are_searched_first(pool: Pool) -> None:
    now = datetime.now(UTC)
    for found in (
        await add_endpoint(pool, "https://hooks.invalid/", failing_since=now),
        await add_endpoint(pool, "https://hooks.invalid/"),
        await add_endpoint(pool, "https://hooks.invalid/", verified_at=now),
    ):
        await add_delivery(pool, found)
    (first,) = await repository.due_endpoints(pool, saturated=(), limit=1)
    assert first == found
