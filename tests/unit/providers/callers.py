"""Those who come to a gate."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context

from storyloom.providers.errors import Outcome
from storyloom.providers.resilience.breaker import State
from storyloom.providers.resilience.gate import Gate
from storyloom.story.assets import Priority
from tests.unit.providers.clock import settle

NORMAL = Priority.NORMAL


def state_of(gate: Gate) -> State:
    return gate.state


async def call(
    gate: Gate,
    outcome: Outcome = Outcome.OK,
    *,
    retry_after: float | None = None,
    priority: Priority = NORMAL,
    has_paid: bool = False,
    is_job: bool = False,
) -> None:
    async with gate.enter(priority, has_paid=has_paid, is_job=is_job) as permit:
        permit.outcome, permit.retry_after = outcome, retry_after


async def break_down(gate: Gate) -> None:
    """Let calls fail until the gate closes."""
    while state_of(gate) is State.CLOSED:
        await call(gate, Outcome.SERVER_ERROR)


class Caller:
    """A call that stays inside until it is asked to leave."""

    def __init__(
        self, gate: Gate, priority: Priority = NORMAL, *, has_paid: bool = False, is_job: bool = False
    ) -> None:
        self._inside = False
        self._leave = asyncio.Event()
        # It has nothing to do with the call in whose midst it may come.
        self.task = asyncio.create_task(self._call(gate, priority, has_paid, is_job), context=Context())

    async def _call(self, gate: Gate, priority: Priority, has_paid: bool, is_job: bool) -> None:
        async with gate.enter(priority, has_paid=has_paid, is_job=is_job) as permit:
            self._inside = True
            await self._leave.wait()
            permit.outcome = Outcome.OK

    def inside(self) -> bool:
        return self._inside

    async def leave(self) -> None:
        self._leave.set()
        await self.task
        await settle()


@asynccontextmanager
async def callers(
    gate: Gate, *priorities: Priority, has_paid: bool = False, is_job: bool = False
) -> AsyncIterator[list[Caller]]:
    """Calls of these priorities, in this order; whoever is still there at the end is sent home."""
    all_of_them = [Caller(gate, priority, has_paid=has_paid, is_job=is_job) for priority in priorities]
    await settle()
    try:
        yield all_of_them
    finally:
        for caller in all_of_them:
            caller.task.cancel()
        await asyncio.gather(*(caller.task for caller in all_of_them), return_exceptions=True)
