"""One attempt: sign, resolve, connect to what was checked, post, and take the answer's status."""

import asyncio
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver

from services.webhooks import signing
from services.webhooks.outcomes import REMEDIES, Outcome, of_error, of_status
from services.webhooks.repository import Claim
from storyloom.runtime.metrics import WEBHOOK_ATTEMPTS, WEBHOOK_SECONDS
from storyloom.web.egress import EgressPolicy, GuardedResolver, ThreadedLookup

log = structlog.get_logger()

MAX_ANSWER_BYTES = 4096
"""What is read of an answer's body, so that the receiver can finish it. Nobody looks at it."""
BODY_TIMEOUT_SECONDS = 1.0
"""For those bytes: the status has said all that counts."""
LOOKUP_THREADS = 32
_HEADERS = {"Content-Type": "application/json", "User-Agent": "Storyloom-Webhooks/1.0", "Accept": "*/*"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt went. ``status``: the answer's, if there was one; ``retry_after``: seconds that it asks for."""

    outcome: Outcome
    at: datetime
    seconds: float
    status: int | None = None
    retry_after: float | None = None

    def entry(self) -> dict[str, Any]:
        """Its line in the delivery's log, which the endpoint's owner reads."""
        found: dict[str, Any] = {
            "at": self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "status": self.status,
            "durationMs": round(self.seconds * 1000),
        }
        if self.outcome is not Outcome.DELIVERED:
            found |= {"error": self.outcome.value, "remedy": REMEDIES[self.outcome]}
        return found


class Sender:
    """Makes attempts, in two lanes: names that take long to resolve are in the way of their own lane alone."""

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        timeout: float,
        lookup: Callable[[], AbstractResolver] = lambda: ThreadedLookup(LOOKUP_THREADS),
    ) -> None:
        """``timeout`` in seconds; ``lookup`` makes what resolves names."""
        self._policy = policy
        self._timeout = timeout
        # OpenSSL's default authorities; SSL_CERT_FILE names others.
        self._tls = ssl.create_default_context()
        guarded = {steady: GuardedResolver(policy, lookup()) for steady in (True, False)}
        # A proxy's own address is not checked: it is usually not public.
        trusted = lookup()
        self._resolvers: list[AbstractResolver] = [*guarded.values(), trusted]
        self._guarded = {steady: self._session(resolver) for steady, resolver in guarded.items()}
        self._proxied = self._session(trusted)

    async def close(self) -> None:
        """Close all connections."""
        for session in (*self._guarded.values(), self._proxied):
            await session.close()
        for resolver in self._resolvers:
            await resolver.close()

    async def send(self, claim: Claim) -> Attempt:
        """Send a delivery. Never raises: whatever prevents it is the attempt's outcome."""
        at, began = datetime.now(UTC), time.perf_counter()
        status, retry_after = None, None
        try:
            status, retry_after = await self._post(claim, at)
            outcome = of_status(status)
        except Exception as error:
            outcome = of_error(error)
            if outcome is Outcome.BUG:
                log.exception("webhook.bug", delivery=str(claim.id))
        seconds = time.perf_counter() - began
        WEBHOOK_ATTEMPTS.labels(outcome=outcome.value).inc()
        WEBHOOK_SECONDS.observe(seconds)
        return Attempt(outcome, at, seconds, status, retry_after)

    async def _post(self, claim: Claim, at: datetime) -> tuple[int, float | None]:
        url = self._policy.check_url(claim.url)
        proxy = self._policy.proxy_of(url)
        session = self._guarded[claim.steady] if proxy is None else self._proxied
        headers = _HEADERS | signing.headers(claim.event_id, at, claim.payload, claim.secrets)
        async with asyncio.timeout(self._timeout):
            answer = await session.post(
                url, data=claim.payload.encode(), headers=headers, allow_redirects=False, proxy=proxy
            )
        async with answer:
            with suppress(TimeoutError, asyncio.IncompleteReadError, aiohttp.ClientError, OSError):
                async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
                    await answer.content.readexactly(MAX_ANSWER_BYTES)
        return answer.status, _retry_after(answer.headers.get("Retry-After", ""))

    def _session(self, resolver: AbstractResolver) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            # Every attempt resolves, checks and connects anew.
            resolver=resolver,
            use_dns_cache=False,
            force_close=True,
            limit=0,
            ssl=self._tls,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            auto_decompress=False,
            trust_env=False,
        )


def _retry_after(value: str) -> float | None:
    """The seconds of a Retry-After, an hour at most. Dates are left to our own schedule."""
    return min(float(value), 3600.0) if value.isdecimal() and len(value) < 10 else None
