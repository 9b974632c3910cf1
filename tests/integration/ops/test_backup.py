"""Backup, loss of everything, and restore, by the runbook's commands: nothing is lost, and what was under way ends."""

import asyncio
import os
import re
import secrets
import subprocess
import sys
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg
from pydantic import SecretStr

from local.postgres_programs import Programs
from storyloom.messaging.connection import connect
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import STORIES, Objects
from storyloom.story.assets import Service
from tests.integration.core.system import System, running, until

ROOT = Path(__file__).parents[3]
TABLES = {"stories": "id", "asset_generation_jobs": "story_id", "story_events": "story_id"}


def commands() -> list[str]:
    """The shell blocks of the runbook's section, in order."""
    _, _, section = (ROOT / "docs" / "runbook.md").read_text("utf-8").partition("\n## Backup and restore\n")
    found = re.findall(r"```sh\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    assert len(found) == 2
    return found


async def shell(command: str, settings: Settings, backup: Path) -> None:
    """Run a block as the runbook has it, in a checkout."""
    key, secret = settings.aws_access_key_id or SecretStr(""), settings.aws_secret_access_key or SecretStr("")
    environment = {
        **os.environ,
        "PATH": f"{Programs().installed}{os.pathsep}{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "BACKUP": str(backup),
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "NATS_URL": settings.nats_url,
        "NATS_SUBJECT_PREFIX": settings.nats_subject_prefix,
        "JOBS_MAX_BYTES": str(settings.jobs_max_bytes),
        "ACK_WAIT": f"{settings.ack_wait:g}",
        "S3_ENDPOINT_URL": settings.s3_endpoint_url or "",
        "S3_BUCKET": settings.s3_bucket,
        "AWS_ACCESS_KEY_ID": key.get_secret_value(),
        "AWS_SECRET_ACCESS_KEY": secret.get_secret_value(),
    }
    done = await asyncio.to_thread(
        subprocess.run,
        ["/bin/sh", "-euc", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def rows_of(settings: Settings, story_id: UUID) -> dict[str, list[str]]:
    """All that Postgres has of a story."""
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    try:
        found = {
            table: await connection.fetch(f"SELECT t::text FROM {table} t WHERE {key} = $1 ORDER BY 1", story_id)
            for table, key in TABLES.items()
        }
    finally:
        await connection.close()
    return {table: [row[0] for row in rows] for table, rows in found.items()}


async def objects_of(settings: Settings) -> dict[str, bytes | None]:
    """All that the store has."""
    objects = Objects(settings)
    try:
        keys = [key async for page in objects.pages(STORIES) for key, _ in page.objects]
        return {key: await objects.read(key) for key in keys}
    finally:
        await objects.close()


async def written(system: System, story_id: UUID) -> bool:
    rows = await system.rows("SELECT asset_type, status FROM asset_generation_jobs WHERE story_id = $1", story_id)
    return ("content", "ready") in {(row["asset_type"], row["status"]) for row in rows}


async def lose_everything(settings: Settings) -> None:
    """The tables, the objects and the streams are gone."""
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()
    objects = Objects(settings)
    await objects.delete([key async for page in objects.pages(STORIES) for key, _ in page.objects])
    await objects.close()
    bus = await connect(settings, "tests")
    for stream in (bus.names.story, bus.names.jobs, bus.names.dead):
        await bus.js.delete_stream(stream)
    await bus.close()


async def test_everything_is_lost_and_restored_by_the_runbook(settings: Settings, tmp_path: Path) -> None:
    """A ready story reads as before, one in the middle and one that nobody had begun end, nothing is made twice."""
    settings = settings.model_copy(update={"s3_bucket": f"backup-{secrets.token_hex(4)}"})
    store = Objects(settings)
    await store.make_bucket()
    await store.close()
    back_up, restore = commands()
    async with running(settings) as system:
        ready = await system.post()
        await system.finished(ready)
        await system.workers.pop(Service.IMAGES).stop()
        middle = await system.post()
        await until(partial(written, system, middle))
        for name in tuple(system.workers):
            await system.workers.pop(name).stop()
        unbegun = await system.post()
        await system.projector_idle()
        made = set(system.makers.made)
        await shell(back_up, settings, tmp_path)  # while it runs
    rows, objects = await rows_of(settings, ready), await objects_of(settings)
    await lose_everything(settings)
    assert await objects_of(settings) == {}
    await shell(restore, settings, tmp_path)
    assert (await rows_of(settings, ready), await objects_of(settings)) == (rows, objects)
    async with running(settings) as system:
        for story_id in (middle, unbegun):
            assert (await system.finished(story_id))["status"] == "ready"
        assert not made & set(system.makers.made)
        assert objects.items() <= (await objects_of(settings)).items()
    assert await rows_of(settings, ready) == rows
