"""One run from its beginning to its verdict."""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.chaos import collecting
from tests.chaos.checks import check
from tests.chaos.clients import StoryClient
from tests.chaos.evidence import Evidence
from tests.chaos.faults import Faults
from tests.chaos.hooks import HookReceiver
from tests.chaos.progress import Progress
from tests.chaos.quiescence import CONNECTION_ERRORS, wait_for_erasures, wait_for_quiet
from tests.chaos.schedule import Schedule
from tests.chaos.stage import Stage

QUIET_TIMEOUT_SECONDS = 120.0
"""Seconds after the last fault within which all must be quiet. What is not over by then is stuck."""
READER_TIMEOUT_SECONDS = 40.0
"""Seconds that readers may take to receive what is left."""


@dataclass
class Verdict:
    """What a run came to. ``findings`` holds sentences by kind; ``unbroken`` the faults that could not be done."""

    schedule: Schedule
    findings: dict[str, list[str]]
    kills: int
    faults: int
    seconds: float
    commands: dict[str, int] = field(default_factory=dict)
    unbroken: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not any(self.findings.values())

    def wire(self) -> dict[str, Any]:
        """The one line: counts of everything."""
        counts = {kind: len(found) for kind, found in self.findings.items()}
        first = ("lost", "stuck", "duplicates", "extra_paid", "gaps")
        return {
            "seed": self.schedule.seed,
            "stories": len(self.schedule.stories),
            "kills": self.kills,
            "faults": self.faults,
            **{kind: counts.pop(kind) for kind in first},
            "seconds": round(self.seconds, 1),
            **counts,
            "commands": self.commands,
            "unbroken": len(self.unbroken),
        }


async def run(schedule: Schedule, home: Path, progress: Progress, *, within: float = QUIET_TIMEOUT_SECONDS) -> Verdict:
    """Play the schedule in a folder and judge what is left. Raises UserError when the product cannot be started."""
    stage = Stage(home)
    (home / "schedule.json").write_text(json.dumps(schedule.wire(), indent=1))
    evidence = Evidence()
    try:
        progress.say("starting")
        await stage.start()
        verdict = await _play(stage, schedule, evidence, progress, within)
    finally:
        progress.say("stopping")
        await asyncio.shield(asyncio.create_task(stage.stop()))
    evidence.left = stage.left()
    evidence.incidents += collecting.read_stalls(home / "logs")
    (home / "evidence.json").write_text(evidence.json())
    for kind, found in check(evidence).items():
        verdict.findings.setdefault(kind, []).extend(found)
    verdict.seconds = progress.seconds
    progress.end()
    return verdict


async def _play(stage: Stage, schedule: Schedule, evidence: Evidence, progress: Progress, within: float) -> Verdict:
    async with AsyncExitStack() as stack:
        headers = {"Authorization": f"Bearer {stage.addresses.api_key}"}
        http = await stack.enter_async_context(
            aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0))
        )
        receiver = await stack.enter_async_context(HookReceiver(schedule.seed))
        await receiver.register(http, stage.urls["api"])
        faults = Faults(stage, http, schedule)
        clients = [StoryClient(http, stage.urls, f"{schedule.seed}", plan) for plan in schedule.stories]
        stack.push_async_callback(_stop_watchers, clients)
        asking = [asyncio.create_task(client.run()) for client in clients]
        stack.callback(_cancel, asking)
        reporting = asyncio.create_task(_report_progress(progress, faults, clients))
        stack.callback(reporting.cancel)
        await faults.run()
        await faults.heal()
        findings = await wait_until_quiet(stage, asking, progress, reporting, within)
        progress.say("asking everybody what they know")
        await _collect(stage, http, clients, evidence)
        evidence.hooks = receiver.hooks
        evidence.incidents = faults.incidents
        commands = _count(evidence)
        return Verdict(schedule, findings, faults.kills, faults.done, 0.0, commands, faults.failures)


async def wait_until_quiet(
    stage: Stage,
    asking: list[asyncio.Task[None]],
    progress: Progress,
    reporting: asyncio.Task[None],
    within: float,
) -> dict[str, list[str]]:
    """Wait until clients have sent their commands and all of it is done; what did not come to an end."""
    findings: dict[str, list[str]] = {"stuck": [], "wrong": []}
    _, late = await asyncio.wait(asking, timeout=within)
    reporting.cancel()
    for task in asking:
        if task in late:
            findings["stuck"].append("a client never got an answer")
        elif (error := task.exception()) is not None:
            findings["wrong"].append(f"a client: {error}")
    progress.say("waiting for quiet")
    if under_way := await wait_for_quiet(stage.addresses, within):
        findings["stuck"].append(f"after {within:g} s there is no quiet: {under_way}")
    else:
        findings["wrong"] += await stage.spinning()
    return findings


async def _collect(stage: Stage, http: aiohttp.ClientSession, clients: list[StoryClient], evidence: Evidence) -> None:
    watchers = [watcher for client in clients for watcher in client.watchers]
    await asyncio.gather(*(watcher.finish(READER_TIMEOUT_SECONDS) for watcher in watchers))
    evidence.clients = [client.client for client in clients]
    evidence.transcripts = [watcher.transcript for watcher in watchers]
    for client in clients:
        if client.client.id:
            try:
                async with asyncio.timeout(60):
                    evidence.shown[client.client.id] = await client.show()
            except TimeoutError:
                raise TimeoutError(f"a story cannot be read: {client.last_answer}") from None
    await _collect_with_retries(stage, http, evidence)


async def _collect_with_retries(stage: Stage, http: aiohttp.ClientSession, evidence: Evidence) -> None:
    for attempt in range(10):
        try:
            await collecting.collect_rows(stage.addresses, evidence)
            await collecting.collect_bus(stage.addresses, evidence)
        except CONNECTION_ERRORS:
            if attempt == 9:
                raise
            await asyncio.sleep(1)
        else:
            break
    await collecting.collect_ledger(stage.addresses, http, evidence)
    await collecting.collect_objects(stage.addresses, stage.home, evidence)
    if any(key.split("/")[1] in evidence.deleted for key in evidence.objects):
        # A worker that died after it wrote published nothing: what it left is found by the last sweep.
        await wait_for_erasures(stage.addresses, QUIET_TIMEOUT_SECONDS)
        await collecting.collect_objects(stage.addresses, stage.home, evidence)


def _count(evidence: Evidence) -> dict[str, int]:
    """How many commands were accepted, and how many were not."""
    asked = [one for client in evidence.clients for one in client.asked]
    counts: dict[str, int] = {}
    for one in asked:
        name = one.kind if one.granted else f"{one.kind}_{one.status}"
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


async def _report_progress(progress: Progress, faults: Faults, clients: list[StoryClient]) -> None:
    while True:
        accepted = sum(client.client.accepted for client in clients)
        ended = sum(any(watcher.ended for watcher in client.watchers) for client in clients)
        progress.say(f"{faults.done} faults, {faults.kills} kills, {accepted} stories asked for, {ended} ended")
        await asyncio.sleep(0.5)


def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


async def _stop_watchers(clients: list[StoryClient]) -> None:
    await asyncio.gather(*(watcher.stop() for client in clients for watcher in client.watchers))
