"""docs/example_worker.py, as building-workers.md says it is run: on a copy of the code with the diff applied."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from PIL import Image, ImageDraw

from storyloom.messaging.connection import Bus, connect
from storyloom.messaging.topology import QUERY_WORKERS
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset
from storyloom.story.brief import Brief
from storyloom.story.fingerprint import fingerprint
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Picture
from tests.integration.core.system import BRIEF, until

ROOT = Path(__file__).parents[3]
PASSED = {"nats_url", "nats_subject_prefix", "s3_endpoint_url", "s3_bucket", "ack_wait", "jobs_max_bytes"}


def apply(diff: str, folder: Path) -> None:
    """What ``git apply`` does: each hunk's lines with ``-`` and without a sign become those with ``+`` and without."""
    for part in re.split(r"^diff --git .*\n", diff, flags=re.MULTILINE)[1:]:
        head, *hunks = re.split(r"^@@ .*\n", part, flags=re.MULTILINE)
        path = folder / re.findall(r"^\+\+\+ b/(.*)$", head, re.MULTILINE)[0]
        text = path.read_text("utf-8")
        for hunk in hunks:
            lines = hunk.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] in " -")
            assert text.count(before) == 1, f"{path.name} has changed: make docs/example_worker.diff again"
            text = text.replace(before, "".join(line[1:] for line in lines if line[0] in " +"))
        path.write_text(text, "utf-8")


@asynccontextmanager
async def example_worker(settings: Settings, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """``python -m docs.example_worker`` on a copy of the code."""
    ignore = shutil.ignore_patterns("__pycache__")
    for package in ("storyloom", "ops"):
        shutil.copytree(ROOT / package, folder / package, ignore=ignore)
    (folder / "docs").mkdir()
    shutil.copy(ROOT / "docs/example_worker.py", folder / "docs")
    apply((ROOT / "docs/example_worker.diff").read_text("utf-8"), folder)
    values = settings.model_dump()
    environment = {name.upper(): str(values[name]) for name in PASSED}
    for name in ("aws_access_key_id", "aws_secret_access_key"):
        if (secret := values[name]) is not None:
            environment[name.upper()] = secret.get_secret_value()
    environment = os.environ | environment | {"INTERNAL_PORT": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    provisioning = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "migrate", "--skip", "schema", "--skip", "bucket"), cwd=folder, env=environment
    )
    assert await provisioning.wait() == 0
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "docs.example_worker"), cwd=folder, env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def job_with_cover(objects: Objects) -> dict[str, Any]:
    """The job of a colouring page as JSON: the name is none of Asset's here. Its cover is in the store."""
    image = Image.new("RGB", (64, 96), "white")
    ImageDraw.Draw(image).ellipse((16, 24, 48, 72), fill="orange")
    image.save(drawn := BytesIO(), "PNG")
    story_id = uuid4()
    stored = await objects.put(story_id, Asset.COVER, drawn.getvalue(), "image/png")
    cover = Picture(image=stored, width=64, height=96, alt_text="An orange.", hue_colours=())
    job = AssetRequested(
        id=f"{story_id}.colouring_page",
        story_id=story_id,
        tenant_id="tests",
        trace="",
        at=datetime.now(UTC),
        asset=Asset.COVER,
        fingerprint=fingerprint(str(story_id), "colouring_page"),
        brief=Brief.asked(BRIEF),
        inputs={Asset.COVER: cover},
    )
    return {**orjson.loads(job.body), "asset": "colouring_page"}


async def test_the_example_makes_a_seventh_kind_of_asset(settings: Settings, objects: Objects, tmp_path: Path) -> None:
    """From the job on NATS to bytes and manifest in the store and AssetCompleted on STORY; SIGTERM ends it well."""
    bus = await connect(settings, "tests")
    async with example_worker(settings, tmp_path) as process:
        job = await job_with_cover(objects)
        story_id = job["story_id"]
        events = await bus.client.subscribe(bus.names.subject(f"story.evt.AssetCompleted.{story_id}"))
        await until(lambda: _answers(bus, process), within=60)
        await bus.js.publish(bus.names.subject(f"job.crafts.normal.{story_id}.colouring_page"), orjson.dumps(job))
        event = orjson.loads((await events.next_msg(timeout=20)).data)
        manifest = await objects.read(f"stories/{story_id}/colouring_page/{job['fingerprint']}/result.json")
        page = await objects.read(event["result"]["image"]["key"])
        await until(lambda: _acknowledged(bus))
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0
    await bus.close()
    assert (event["event"], event["asset"], event["fingerprint"]) == (
        "AssetCompleted",
        "colouring_page",
        job["fingerprint"],
    )
    assert orjson.loads(manifest or b"")["result"] == event["result"]
    with Image.open(BytesIO(page or b"")) as image:
        assert image.size == (64, 96)
        assert image.convert("L").getextrema() == (0, 255), "black on white"


async def _acknowledged(bus: Bus) -> bool:
    return (await bus.js.stream_info(bus.names.jobs)).state.messages == 0


async def _answers(bus: Bus, process: asyncio.subprocess.Process) -> bool:
    """Whether a worker answers: then its durables are there, too."""
    assert process.returncode is None, "the example has ended"
    with suppress(NoRespondersError, NatsTimeoutError):
        return bool((await bus.client.request(bus.names.subject(QUERY_WORKERS), b"", timeout=1)).data)
    return False
