"""What docs/runbook.md has an operator type works, on real servers."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest

from storyloom.messaging.connection import OutboundMessage, connect
from storyloom.messaging.topology import provision
from storyloom.runtime.settings import Settings
from tools.docs.pages import ROOT

PAGE = (ROOT / "docs/runbook.md").read_text("utf-8")
ALERTS = (ROOT / "docs/runbook/alerts.md").read_text("utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE + ALERTS, re.DOTALL)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A database with one story that is late: its cover is ready and paid for, its book failed."""
    found = await asyncpg.connect(database_url)
    story_id = uuid4()
    await found.execute("INSERT INTO tenants (id) VALUES ('acme')")
    await found.execute(
        "INSERT INTO webhook_endpoints (tenant_id, url, secret, failing_since) "
        "VALUES ('acme', 'https://example.com/hook', 'whsec_x', now())"
    )
    await found.execute(
        "INSERT INTO stories (id, tenant_id, request, asset_generation_status, asset_generation_started_at) "
        """VALUES ($1, 'acme', '{}', '{"overall": "generating"}', now() - INTERVAL '1 hour')""",
        story_id,
    )
    await found.executemany(
        "INSERT INTO asset_generation_jobs (story_id, asset_type, status, metadata, started_at, completed_at) "
        "VALUES ($1, $2, $3, $4, now() - INTERVAL '30 seconds', now())",
        [
            (story_id, "cover", "ready", '{"calls": [{"provider": "openai", "model": "m", "cost_usd": 0.25}]}'),
            (story_id, "pdf", "failed", '{"code": "bug"}'),
        ],
    )
    yield found
    await found.close()


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
async def test_a_query_answers(query: str, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    story_id = await connection.fetchval("SELECT id FROM stories")
    rows = await connection.fetch(query.replace(":'id'", f"'{story_id}'"))
    assert len(rows) >= 1


async def test_the_days_stories_and_assets_are_counted_with_their_times(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """The two queries that operators have always used run as they are."""
    (assets,) = [query for query in QUERIES if "GROUP BY asset_type, status" in query]
    (stories,) = [query for query in QUERIES if "GROUP BY status, overall_status" in query]
    found = {row["asset_type"]: row for row in await connection.fetch(assets)}
    assert (found["cover"]["status"], found["cover"]["count"]) == ("ready", 1)
    assert float(found["cover"]["avg_duration_seconds"]) == pytest.approx(30)
    (row,) = await connection.fetch(stories)
    assert (row["status"], row["overall_status"], row["count"]) == ("generating", "generating", 1)


async def test_the_commands_about_dead_letters_do_what_the_page_says(settings: Settings) -> None:
    """Listed with its reason, shown without the child's name, dropped; what is no job any more is not replayed."""
    bus = await connect(settings, "test")
    await provision(bus.js, settings)
    body: dict[str, Any] = {
        "job": {"brief": {"characters": [{"name": "Mira"}]}},
        "code": "attempts_spent",
        "reason": "it was busy",
    }
    body |= {"attempts": 8, "at": "2026-05-01T03:00:00Z"}
    await bus.publish(bus.names.dead, [OutboundMessage(f"dead.images.{uuid4()}.cover", orjson.dumps(body), None)])
    await bus.close()
    commands = re.findall(r"^\.venv/bin/python -m ops (dead .*?)(?: +#.*)?$", PAGE, re.MULTILINE)
    listed, shown, replayed, dropped = (
        [word.replace("17", "1") for word in command.split() if word != "18"] for command in commands
    )
    assert b"it was busy" in await operate(settings, *listed)
    assert b"left out" in (output := await operate(settings, *shown))
    assert b"Mira" not in output
    assert b"its story was deleted" in await operate(settings, *replayed)
    assert b"1 dead letter deleted" in await operate(settings, *dropped, "--yes")


async def test_the_three_looks_that_always_help_answer(settings: Settings) -> None:
    """Also where there is nothing: exit code 1 says that nothing was found, or what is wrong."""
    bus = await connect(settings, "test")
    await provision(bus.js, settings)
    await bus.close()
    commands = re.findall(r"^\.venv/bin/python -m ops (.*)$", ALERTS, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["doctor", "top", "dead"]
    outputs = await asyncio.gather(*(operate(settings, *one.split(), codes=(0, 1)) for one in commands))
    assert all(outputs)


async def operate(settings: Settings, *words: str, codes: tuple[int, ...] = (0,)) -> bytes:
    """What an operator's command writes; it must succeed and complain of nothing."""
    environment = {
        "NATS_URL": settings.nats_url,
        "NATS_SUBJECT_PREFIX": settings.nats_subject_prefix,
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "COLUMNS": "160",
    }
    done = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", *words), cwd=ROOT, env=os.environ | environment, stdout=PIPE, stderr=PIPE
    )
    out, errors = await done.communicate()
    assert errors == b""
    assert done.returncode in codes
    return out
