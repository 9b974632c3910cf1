"""Breaks things when the schedule says so, and notes which processes it broke and when."""

import asyncio
import random
import shutil
import signal
import time
from contextlib import suppress

import aiohttp
import psutil

from tests.chaos.evidence import Incident
from tests.chaos.schedule import Fault, Schedule
from tests.chaos.stage import Stage

DRAIN_TIMEOUT_SECONDS = 6.0
"""Seconds within which a process that was asked to end has ended."""
STUDIO_KEY = {"Authorization": "Bearer studio"}


class Faults:
    """``run`` breaks everything in its time; ``heal`` repairs what does not recover by itself."""

    def __init__(self, stage: Stage, http: aiohttp.ClientSession, schedule: Schedule) -> None:
        self.incidents: list[Incident] = []
        self.done = 0
        self.kills = 0
        self.failures: list[str] = []
        self._stage = stage
        self._http = http
        self._schedule = schedule
        self._rng = random.Random(f"{schedule.seed} backends")
        self._downs: dict[str, asyncio.Lock] = {}

    async def run(self) -> None:
        """All faults of the schedule, each at its time; ends when the last one is over."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for fault in self._schedule.faults:
                group.create_task(self._at(began + fault.at, fault))

    async def heal(self) -> None:
        """Lift the studio's faults and let go on what is frozen. All else comes back by itself."""
        self._stage.thaw()
        async with self._http.delete(f"{self._studio}/studio/faults", headers=STUDIO_KEY) as answer:
            answer.raise_for_status()

    @property
    def _studio(self) -> str:
        return self._stage.addresses.studio_url or ""

    async def _at(self, when: float, fault: Fault) -> None:
        await asyncio.sleep(max(0.0, when - time.monotonic()))
        began = time.time()
        try:
            until = await self._inject(fault)
        except (OSError, aiohttp.ClientError, psutil.Error) as error:
            # The run goes on: what could not be broken is reported, not hidden.
            self.failures.append(f"{fault}: {error!r}")
            return
        self.done += 1
        self.incidents.append(Incident(fault.kind, fault.target, began, until))

    async def _inject(self, fault: Fault) -> float:
        """Break it; answer when the breaking was over, in epoch seconds."""
        match fault.kind:
            case "kill" | "nats_kill" | "postgres_kill" | "store_kill":
                self.kills += 1
                self._stage.send(fault.target, signal.SIGKILL)
            case "backend_kill":
                self._kill_backend()
            case "freeze" | "store_freeze":
                await self._freeze(fault)
            case "drain":
                self._stage.send(fault.target, signal.SIGTERM)
                return time.time() + DRAIN_TIMEOUT_SECONDS
            case "nats_wipe" | "postgres_away" | "store_away":
                await self._keep_down(fault)
            case _:
                await self._send_to_studio(fault)
        return time.time()

    async def _freeze(self, fault: Fault) -> None:
        pid = self._stage.send(fault.target, signal.SIGSTOP)
        await asyncio.sleep(fault.seconds)
        with suppress(psutil.Error):
            if pid:
                psutil.Process(pid).send_signal(signal.SIGCONT)

    async def _keep_down(self, fault: Fault) -> None:
        # Two that keep the same server down come one after the other.
        async with self._downs.setdefault(fault.target, asyncio.Lock()):
            self.kills += 1
            async with self._stage.child(fault.target).down():
                if fault.kind == "nats_wipe":
                    await asyncio.to_thread(shutil.rmtree, self._stage.home / "nats" / "data", ignore_errors=True)
                await asyncio.sleep(fault.seconds)

    def _kill_backend(self) -> None:
        """Kill one of Postgres's own processes: it then ends all sessions and recovers."""
        pid = self._stage.child("postgres").pid
        with suppress(psutil.Error):
            sessions = [one for one in psutil.Process(pid).children() if "127.0.0.1" in "".join(one.cmdline())]
            if pid and sessions:
                self.kills += 1
                self._rng.choice(sessions).kill()

    async def _send_to_studio(self, fault: Fault) -> None:
        async with self._http.post(f"{self._studio}/studio/faults", json=fault.order, headers=STUDIO_KEY) as answer:
            answer.raise_for_status()
