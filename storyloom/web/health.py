"""What every service answers on its internal port: /health/live, /health/ready and /metrics."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], Awaitable[str | None]]
"""Returns what is wrong, in a sentence; None if nothing is."""


class Drain:
    """The beginning of a service's end: readiness turns red, and load balancers get ``delay`` seconds to notice."""

    def __init__(self, delay: float = 0) -> None:
        self._delay = delay
        self._begun = False

    async def check(self) -> str | None:
        """A readiness check."""
        return "the service is stopping" if self._begun else None

    async def begin(self) -> None:
        """Returns once nobody should come any more. Whoever does is still served."""
        self._begun = True
        await asyncio.sleep(self._delay)


CHECKS = web.AppKey("checks", Mapping[str, Check])
CHECK_TIMEOUT_SECONDS = 3.0


def internal_app(checks: Mapping[str, Check]) -> web.Application:
    """The application of a service's internal port, with the three routes."""
    app = web.Application()
    app[CHECKS] = checks
    app.router.add_get("/health/live", _live)
    app.router.add_get("/health/ready", _ready)
    app.router.add_get("/metrics", _metrics)
    return app


async def _live(_request: web.Request) -> web.Response:
    return web.json_response({"status": "live"})


async def _ready(request: web.Request) -> web.Response:
    checks = request.app[CHECKS]
    results = await asyncio.gather(*(_run_check(check) for check in checks.values()))
    wrong = {name: result for name, result in zip(checks, results, strict=True) if result is not None}
    if wrong:
        return web.json_response({"status": "not ready", "wrong": wrong}, status=503)
    return web.json_response({"status": "ready"})


async def _run_check(check: Check) -> str | None:
    running = asyncio.ensure_future(check())
    await asyncio.wait({running}, timeout=CHECK_TIMEOUT_SECONDS)
    if not running.done():
        # Not waited for: what is cancelled on a frozen Postgres does not end before that is back.
        running.add_done_callback(_forget)
        running.cancel()
        return f"no answer within {CHECK_TIMEOUT_SECONDS:g} seconds"
    error = running.exception()
    if error is None:
        return running.result()
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return type(error).__name__


def _forget(check: "asyncio.Future[str | None]") -> None:
    """Take note of how it ended, or asyncio would complain that nobody did."""
    if not check.cancelled():
        check.exception()


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
