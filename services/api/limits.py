"""Limits: what a tenant may use, counted in Postgres, so that every replica counts together.

Requests are counted by the generic cell rate algorithm (ITU-T I.371): a quota of a minute that fills up evenly. A
replica leases a few requests at a time, so that most cost no statement: a tenant never gets more than its quota, and
misses no more of it than the replicas hold. Stories of a day are counted with the story, in one transaction.

Answers tell of limits by the headers RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10).
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil, inf
from typing import Any, Self, TypeVar

from aiohttp import web

from storyloom.db.pool import Pool
from storyloom.db.queries import load_queries
from storyloom.runtime.settings import LimitSettings
from storyloom.web.keys import Caller
from storyloom.web.problems import NOT_AUTHENTICATED, Problem

N = TypeVar("N", int, float)

WINDOW_SECONDS = 60
MAX_LEASE = 50
"""Requests that a replica leases at once, at most: else about what a second allows."""
LEASE_SECONDS = 10.0
"""How long a lease is valid: what is left of it then is given up."""
MAX_TENANTS = 10_000
"""Tenants whose lease a process keeps; the one that asked longest ago goes first."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How a limit stands: ``remaining`` of ``limit`` in ``window`` seconds, all of them again in ``reset`` seconds.

    ``window`` and ``reset`` are None where a limit has no time.
    """

    name: str
    limit: float
    remaining: int
    window: int | None = None
    reset: float | None = None

    @property
    def policy(self) -> str:
        """An item of RateLimit-Policy."""
        return f'"{self.name}";q={self.limit:.0f}' + ("" if self.window is None else f";w={self.window}")

    @property
    def state(self) -> str:
        """An item of RateLimit."""
        return f'"{self.name}";r={self.remaining}' + ("" if self.reset is None else f";t={ceil(self.reset)}")


QUOTAS: web.RequestKey[list[Quota]] = web.RequestKey("quotas", list)
"""Of a request: the limits that its answer tells of."""


async def tell_quotas(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Add the headers to an answer, also to one that is streamed. For ``Application.on_response_prepare``."""
    if isinstance(request, web.Request) and (quotas := request.get(QUOTAS)):
        response.headers["RateLimit-Policy"] = ", ".join(quota.policy for quota in quotas)
        response.headers["RateLimit"] = ", ".join(quota.state for quota in quotas)


class LimitError(Problem):
    """A 429: a limit of the tenant is used up.

    ``retry_after``: seconds until it is not, None where waiting is no help.
    """

    def __init__(self, code: str, detail: str, quota: Quota, *, retry_after: float | None) -> None:
        headers = {} if retry_after is None else {"Retry-After": f"{max(1, ceil(retry_after))}"}
        super().__init__(429, code, detail, headers=headers)
        self.quota = quota


def tenant_gone() -> Problem:
    """The 401 of a key whose tenant was deleted a moment ago."""
    return Problem(401, "key_unknown", "This key is not valid any more.", headers=NOT_AUTHENTICATED)


def too_many_stories(limit: int) -> LimitError:
    """The tenant has created as many stories today as it may."""
    left = seconds_to_midnight()
    detail = f"{limit:,} stories a day are possible, and were created. The day ends at midnight UTC."
    return LimitError("stories_of_the_day_spent", detail, _daily("stories", limit, left), retry_after=left)


def money_spent(limit: float) -> LimitError:
    """The tenant has spent as much today as it may."""
    left = seconds_to_midnight()
    detail = f"The money of the day, {limit:,.2f} US dollars, is spent. The day ends at midnight UTC."
    return LimitError("money_cap_reached", detail, _daily("usd", limit, left), retry_after=left)


def too_many_regenerations(limit: int) -> LimitError:
    """Assets of the story were made anew as often as they may be; that does not change by waiting."""
    detail = f"Assets of a story can be made anew {limit:,} times, and were."
    return LimitError("regenerations_spent", detail, Quota("regenerations", limit, 0), retry_after=None)


def _daily(name: str, limit: float, left: float) -> Quota:
    return Quota(name, limit, 0, 86_400, left)


def seconds_to_midnight(now: datetime | None = None) -> float:
    """Seconds until the day ends in UTC."""
    at = now or datetime.now(UTC)
    midnight = (at + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - at).total_seconds()


@dataclass(frozen=True, slots=True)
class TenantLimits:
    """What a tenant may make: its own limits, or the installation's. ``usd_today``: what it has spent."""

    concurrent_stories: int
    stories_per_day: int
    regenerations_per_story: int
    usd_per_day: float
    usd_today: float

    @classmethod
    def of(cls, row: Mapping[str, Any], defaults: LimitSettings) -> Self:
        """Of a tenant's row."""
        return cls(
            _either(row["concurrent_stories"], defaults.limit_concurrent_stories),
            _either(row["stories_per_day"], defaults.limit_stories_per_day),
            _either(row["regenerations_per_story"], defaults.limit_regenerations_per_story),
            _either(row["usd_per_day"], defaults.limit_usd_per_day),
            row["usd_today"],
        )

    def require_money(self) -> None:
        """Raise a 429 Problem if the money of the day is spent."""
        if self.usd_today >= self.usd_per_day:
            raise money_spent(self.usd_per_day)


def _either(own: N | None, default: N) -> N:
    return default if own is None else own


@dataclass(slots=True)
class _Lease:
    """What this process may still use of a tenant's quota, and how the quota stood when it was leased."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    left: int = 0
    until: float = 0.0
    leased_at: float = 0.0
    full_in: float = 0.0
    refused_until: float = -inf


class RequestLimiter:
    """Requests a minute, by tenant. One to a process."""

    def __init__(self, pool: Pool, *, default: int, clock: Callable[[], float] = time.monotonic) -> None:
        """``default``: the quota of tenants that have none of their own."""
        self._pool = pool
        self._default = default
        self._clock = clock
        self._leases: OrderedDict[str, _Lease] = OrderedDict()

    async def take(self, caller: Caller) -> Quota:
        """Count a request; how the tenant's quota stands with it.

        Raises a Problem: 429 where the quota is used up, 401 where the tenant was deleted.
        """
        limit = caller.requests_per_minute or self._default
        lease = self._leases.setdefault(caller.tenant_id, _Lease())
        self._leases.move_to_end(caller.tenant_id)
        if len(self._leases) > MAX_TENANTS:
            self._leases.popitem(last=False)
        if not self._has_left(lease):
            async with lease.lock:  # of several requests that find none left one asks for all
                if not self._has_left(lease):
                    await self._renew(caller.tenant_id, lease, limit)
        lease.left -= 1
        return self._quota(lease, limit)

    def _has_left(self, lease: _Lease) -> bool:
        return lease.left > 0 and self._clock() < lease.until

    async def _renew(self, tenant_id: str, lease: _Lease, limit: int) -> None:
        spacing = WINDOW_SECONDS / limit
        # A refusal is remembered: a client that does not heed it costs no statements.
        if (now := self._clock()) < lease.refused_until:
            raise self._refused(lease, limit, lease.refused_until - now)
        wanted = max(1, min(MAX_LEASE, limit // WINDOW_SECONDS))
        row = await load_queries("services.api").lease_requests(
            self._pool, tenant_id=tenant_id, wanted=wanted, spacing=spacing, window_seconds=float(WINDOW_SECONDS)
        )
        if row is None:
            raise tenant_gone()
        now = self._clock()
        lease.left, lease.until = row["granted"], now + LEASE_SECONDS
        lease.leased_at, lease.full_in = now, row["full_in"]
        if not lease.left:
            wait = max(0.0, row["full_in"] + spacing - WINDOW_SECONDS)
            lease.refused_until = now + wait
            raise self._refused(lease, limit, wait)

    def _quota(self, lease: _Lease, limit: int) -> Quota:
        full_in = max(0.0, lease.full_in - (self._clock() - lease.leased_at))
        free = int((WINDOW_SECONDS - full_in) * limit / WINDOW_SECONDS + 1e-6)
        return Quota("requests", limit, min(limit, max(0, lease.left) + max(0, free)), WINDOW_SECONDS, full_in)

    def _refused(self, lease: _Lease, limit: int, wait: float) -> LimitError:
        quota = Quota("requests", limit, 0, WINDOW_SECONDS, max(lease.full_in, wait))
        return LimitError("too_many_requests", f"{limit:,} requests a minute are possible.", quota, retry_after=wait)
