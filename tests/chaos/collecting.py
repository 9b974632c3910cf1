"""Collects the evidence: SQL, the store, the bus and the studio's ledger, each asked in its own plain protocol."""

import asyncio
import hashlib
import json
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import boto3
import nats
from botocore.config import Config
from nats.js.errors import NotFoundError

from local.state import Addresses
from tests.chaos.evidence import Evidence, Incident, Line, Row, Stored
from tests.chaos.faults import STUDIO_KEY

STREAMS = ("JOBS", "STORY", "DEAD")


async def connect(addresses: Addresses) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection to the database, JSON parsed."""
    connection = await asyncpg.connect(addresses.database_url, timeout=5)
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    return connection


async def collect_rows(addresses: Addresses, into: Evidence) -> None:
    """All rows of stories, assets, events, commands, webhook deliveries and erasures."""
    connection = await connect(addresses)
    into.asked_at = time.time()
    try:
        into.stories = {row["id"]: row for row in await _rows(connection, "SELECT * FROM stories")}
        into.assets = await _rows(connection, "SELECT * FROM asset_generation_jobs")
        into.commands = await _rows(connection, "SELECT * FROM command_outbox")
        into.deliveries = await _rows(connection, "SELECT * FROM webhook_deliveries")
        into.erasures = await _rows(connection, "SELECT * FROM erasures")
        updates: defaultdict[str, list[Line]] = defaultdict(list)
        for row in await _rows(connection, "SELECT * FROM story_events ORDER BY story_id, seq"):
            updates[row["story_id"]].append(Line(0, row["seq"], row["event"], row["data"]))
        into.updates = dict(updates)
    finally:
        await connection.close()


async def collect_ledger(addresses: Addresses, http: aiohttp.ClientSession, into: Evidence) -> None:
    """Every call that the studio would have been paid for."""
    async with http.get(f"{addresses.studio_url}/studio/ledger", headers=STUDIO_KEY) as answer:
        answer.raise_for_status()
        into.ledger = await answer.json()


async def collect_bus(addresses: Addresses, into: Evidence) -> None:
    """The subjects of all messages on the bus."""
    into.bus = {stream: list(await subjects(addresses, stream)) for stream in STREAMS}


async def subjects(addresses: Addresses, stream: str) -> dict[str, int]:
    """The subjects of a stream and how many messages each has; empty where there is no such stream."""
    client = await nats.connect(addresses.nats_url, connect_timeout=5, max_reconnect_attempts=2, error_cb=ignore)
    try:
        info = await client.jetstream(timeout=5).stream_info(stream, subjects_filter=">")
    except NotFoundError:
        return {}
    else:
        return dict(info.state.subjects or {})
    finally:
        await client.close()


async def collect_objects(addresses: Addresses, home: Path, into: Evidence) -> None:
    """Every object's size, hash, and content where that is JSON."""
    into.objects = await asyncio.to_thread(_objects, addresses.s3_endpoint_url, home / "store" / "credentials.json")


def _objects(url: str, credentials: Path) -> dict[str, Stored]:
    known = json.loads(credentials.read_text())
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=known["access_key"],
        aws_secret_access_key=known["secret_key"],
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 5}),
    )

    def fetch(key: str) -> Stored:
        data: bytes = client.get_object(Bucket="storyloom", Key=key)["Body"].read()
        value = json.loads(data) if key.endswith(".json") else None
        return Stored(len(data), hashlib.sha256(data).hexdigest(), value)

    pages = client.get_paginator("list_objects_v2").paginate(Bucket="storyloom")
    keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    with ThreadPoolExecutor(8) as threads:
        found = dict(zip(keys, threads.map(fetch, keys), strict=True))
    client.close()
    return found


def read_stalls(logs: Path) -> list[Incident]:
    """Workers that stood still though nobody froze them: where a machine is too busy, they note it in their logs."""
    found = []
    for path in sorted(logs.glob("*.log")):
        for line in path.read_text(errors="replace").splitlines():
            if '"job.heartbeat_silent"' in line:
                noted = json.loads(line)
                until = datetime.fromisoformat(noted["timestamp"]).timestamp()
                found.append(Incident("stall", path.stem, until - noted["seconds"], until))
    return found


async def ignore(error: Exception) -> None:
    """A bus that is unreachable is asked again; nats-py would write every attempt to stderr."""


async def _rows(connection: "asyncpg.Connection[asyncpg.Record]", query: str) -> list[Row]:
    return [{name: _plain(name, value) for name, value in row.items()} for row in await connection.fetch(query)]


def _plain(name: str, value: Any) -> Any:
    return str(value) if name in ("id", "story_id") else value
