"""Evaluation: what is true of a finished story, measured by what shares no code with its makers.

The evaluators (storyloom/evaluators) run in a process of their own, for the reasons that the renderer does; this gives
them the story and its files.
"""

import asyncio
import json
import struct
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import structlog

from storyloom.runtime.executors import ProcessExecutor
from storyloom.storage.objects import DamagedObjectError, ObjectStore
from storyloom.story.assets import PICTURES, Asset
from storyloom.story.errors import PermanentError
from storyloom.story.evaluation import Evaluation, StoryToEvaluate
from storyloom.story.results import Audio, Book, Picture, Result, StoredObject

log = structlog.get_logger()

SECONDS = 100.0
"""For one story, at most."""
_RUN = "import sys; sys.path.insert(0, sys.argv[1]); from storyloom.evaluators.process import main; main()"
"""As a process of its own, wherever it is started: the services' folder need not be the current one."""
AT_ONCE = 2
"""Stories whose files (ten million bytes each) are here: one is evaluated, the next one's are fetched."""
ASSETS = (*PICTURES, Asset.AUDIO, Asset.PDF, Asset.EPUB)
"""Whose files are looked at."""


class Evaluator:
    """Evaluates one story at a time. ``close`` it when done."""

    def __init__(self, store: ObjectStore, *, command: tuple[str, ...] = (), timeout: float = SECONDS) -> None:
        self._store = store
        self._turns = asyncio.Semaphore(AT_ONCE)
        command = command or (sys.executable, "-P", "-c", _RUN, str(Path(__file__).resolve().parents[2]))
        self._executor = ProcessExecutor("evaluators", command, timeout=timeout, most=25, idle=20)

    async def evaluate(self, asked: StoryToEvaluate) -> Evaluation:
        """All claims of a story. Raises what the store raises but for a file that is gone, and RetryableError."""
        async with self._turns:
            found = await asyncio.gather(*(self._fetch(asked, asset) for asset in ASSETS))
            files = {asset.value: data for asset, data in zip(ASSETS, found, strict=True) if data is not None}
            evaluation = await self._executor.run(partial(_exchange, asked, files), asked.brief.priority)
        outcomes = [claim.outcome for claim in evaluation.claims]
        counts = {outcome: outcomes.count(outcome) for outcome in ("pass", "fail", "not_checked")}
        log.info("story.evaluated", **{f"claims_{outcome}": count for outcome, count in counts.items()})
        return evaluation

    async def close(self) -> None:
        """End the process for good. Safe to call twice."""
        await self._executor.close()

    async def _fetch(self, asked: StoryToEvaluate, asset: Asset) -> bytes | None:
        stored = stored_in(asked.results.get(asset))
        if stored is None:
            return None
        try:
            return await self._store.get(stored)
        except DamagedObjectError:
            return b""  # which a claim of the receipt will say


def stored_in(result: Result | None) -> StoredObject | None:
    """The object that a result names."""
    match result:
        case Picture():
            return result.image
        case Audio():
            return result.audio
        case Book():
            return result.pdf
        case _:
            return None


async def _exchange(asked: StoryToEvaluate, files: Mapping[str, bytes], process: Process) -> Evaluation:
    """One message either way: its form is described in storyloom/evaluators/process.py."""
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise ConnectionError
    results = {asset.value: result.model_dump(mode="json") for asset, result in asked.results.items()}
    story = {
        "age": asked.brief.age,
        "language": asked.brief.language,
        "characters": [character.model_dump(mode="json") for character in asked.brief.characters],
        "names": asked.brief.names,
        "results": results,
    }
    head = json.dumps({"story": story, "files": [[name, len(data)] for name, data in files.items()]}).encode()
    stdin.write(struct.pack(">I", len(head)) + head)
    for data in files.values():
        stdin.write(data)
        await stdin.drain()
    await stdin.drain()
    (length,) = struct.unpack(">I", await stdout.readexactly(4))
    try:
        return Evaluation.model_validate_json(await stdout.readexactly(length))
    except ValueError as error:
        raise PermanentError("the evaluators answered with something else", code="bug") from error
