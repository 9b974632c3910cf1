"""What every service answers by HTTP: /health/live, /health/ready, /metrics."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], Awaitable[str | None]]
"""Answers what is wrong, in a sentence; None if nothing is."""

CHECKS = web.AppKey("checks", Mapping[str, Check])
PATIENCE = 3.0


def add_health(app: web.Application, checks: Mapping[str, Check]) -> None:
    """Add the three routes to an application."""
    app[CHECKS] = checks
    app.router.add_get("/health/live", _live)
    app.router.add_get("/health/ready", _ready)
    app.router.add_get("/metrics", _metrics)


async def listen(app: web.Application, host: str, port: int) -> tuple[web.AppRunner, str]:
    """Serve an application; answer its runner and its origin. Port 0 takes a free one. Raises OSError."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}") from error
    bound = runner.addresses[0]
    return runner, f"http://{host}:{bound[1]}"


async def _live(_request: web.Request) -> web.Response:
    return web.json_response({"status": "live"})


async def _ready(request: web.Request) -> web.Response:
    checks = request.app[CHECKS]
    answers = await asyncio.gather(*(_ask(check) for check in checks.values()))
    wrong = {name: answer for name, answer in zip(checks, answers, strict=True) if answer is not None}
    if wrong:
        return web.json_response({"status": "not ready", "wrong": wrong}, status=503)
    return web.json_response({"status": "ready"})


async def _ask(check: Check) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE):
            return await check()
    except TimeoutError:
        return f"no answer within {PATIENCE:g} seconds"
    except Exception as error:  # noqa: BLE001 - whatever a check raises is its answer
        return type(error).__name__


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
