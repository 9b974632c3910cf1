"""A service that comes before what it stands on waits for it: alive, not ready, and saying what it waits for.

One that ended instead would be started again and again by whoever runs it, ever more slowly.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from storyloom.runtime.settings import HttpSettings
from storyloom.web.health import Check, internal_app
from storyloom.web.server import listen

log = structlog.get_logger()

Prerequisite = Callable[[Any], Awaitable[str | None]]
"""What a service needs before it can begin, asked with its settings: why that is not there yet, None where it is."""
POLL_SECONDS = 2.0


async def wait_for_prerequisites(needs: Mapping[str, Prerequisite], settings: HttpSettings) -> None:
    """Return once all is there; cancel it to end it. Meanwhile the internal port answers.

    Raises OSError when that port is taken, and what a prerequisite raises that no waiting brings about.
    """
    wrong = await _unmet(needs, settings)
    if not wrong:
        return

    def check(name: str) -> Check:
        async def unmet() -> str | None:
            return wrong.get(name)

        return unmet

    runner, _ = await listen(
        internal_app({name: check(name) for name in needs}), settings.internal_host, settings.internal_port
    )
    try:
        said: dict[str, str] = {}
        while wrong:
            if wrong != said:
                log.warning("service.waiting", wrong=wrong)
                said = wrong
            await asyncio.sleep(POLL_SECONDS)
            wrong = await _unmet(needs, settings)
    finally:
        await runner.cleanup()


async def _unmet(needs: Mapping[str, Prerequisite], settings: HttpSettings) -> dict[str, str]:
    # All are waited for: one that is cut off at the end of the process would have connections left, and say so.
    answers = await asyncio.gather(*(need(settings) for need in needs.values()), return_exceptions=True)
    reasons = {}
    for name, answer in zip(needs, answers, strict=True):
        if isinstance(answer, BaseException):
            raise answer
        if answer is not None:
            reasons[name] = answer
    return reasons
