"""Dead letters: listed, shown without a child's name, replayed once however often it is asked, and dropped."""

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import orjson
import pytest
from rich.console import Console

from ops.__main__ import main
from ops.cli import Operator, read
from ops.connections import NOTHING_FOUND, OK, USAGE, open_connections
from storyloom.messaging.connection import OutboundMessage, connect
from storyloom.messaging.topology import provision
from storyloom.operations.dead_letters import Entry, Filter, list_entries
from storyloom.operations.replay import Replay, replay
from storyloom.operations.sources import Connections, queries
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset, Service
from storyloom.story.errors import PermanentError
from storyloom.story.events import AssetFailed
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import System, running, until

NAMED = {"characterName": "Zebulona", "storyType": "adventure"}


class Refusing:
    """Refuses some assets until it is asked to stop; counts how often."""

    def __init__(self, *assets: Asset) -> None:
        self.assets = set(assets)
        self.refused = 0

    async def __call__(self, job: AssetRequested) -> None:
        if job.asset in self.assets:
            self.refused += 1
            raise PermanentError("the provider will not draw this", code="content_refused", request_id="req_7")


async def ask(settings: Settings, *words: str) -> tuple[int, str]:
    """The exit code and what was written, as with ``python -m ops dead …``."""
    out = Console(file=io.StringIO(), width=200, highlight=False)
    code = await read(["dead", *words])(operator=Operator(settings, out))
    assert isinstance(out.file, io.StringIO)
    return code, out.file.getvalue()


async def entries(connections: Connections, filters: Filter | None = None) -> list[Entry]:
    return [entry async for entry in list_entries(connections.bus, filters or Filter())]


def said(replays: Sequence[Replay]) -> list[tuple[bool, str]]:
    return [(one.done, one.message) for one in replays]


async def test_a_failed_asset_is_listed_replayed_and_made(settings: Settings) -> None:
    """…by its letter's id. A second replay changes nothing: the same command exists."""
    async with running(settings) as system, open_connections(settings) as connections:
        system.makers.before = refusing = Refusing(Asset.COVER)
        story_id = await system.post()
        assert (await system.finished(story_id))["status"] == "partial"
        (entry,) = await entries(connections)
        code, listed = await ask(settings, "list", "--json")
        refusing.assets.clear()
        first = await replay(connections, [entry])
        await until(lambda: is_ready(system, story_id))
        second = await replay(connections, [entry])
        commands = await system.rows("SELECT event_id, event FROM command_outbox")
    document = json.loads(listed)
    assert code == OK
    assert (document["id"], document["service"], document["asset"]) == (entry.id, "images", "cover")
    assert (document["code"], document["story"], document["attempts"]) == (
        "content_refused",
        str(story_id),
        entry.letter.attempts,
    )
    assert [done for done, _ in said(first)] == [True]
    assert [done for done, _ in said(second)] == [False]
    assert [row["event_id"] for row in commands] == [f"{story_id}.wish.dead-{entry.id}"]
    assert system.makers.made[story_id, Asset.COVER] == 1
    assert refusing.refused == 1


async def is_ready(system: System, story_id: UUID) -> bool:
    return bool(await system.rows("SELECT FROM stories WHERE id = $1 AND status = 'ready'", story_id))


async def test_a_replay_before_the_first_is_folded_adds_one_command(settings: Settings) -> None:
    """The asset is failed yet: the command's row alone says that it was written."""
    async with running(settings) as system, open_connections(settings) as connections:
        system.makers.before = Refusing(Asset.COVER)
        await system.finished(await system.post())
        (entry,) = await entries(connections)
        for loop in system.status._loops:  # nothing is folded any more
            loop.cancel()
        assert [done for done, _ in said(await replay(connections, [entry]))] == [True]
        ((done, why),) = said(await replay(connections, [entry]))
        commands = await system.rows("SELECT FROM command_outbox")
    assert not done
    assert "already" in why
    assert len(commands) == 1


async def test_a_command_is_written_once_and_for_what_is_failed_yet(settings: Settings) -> None:
    """Two operators at once, or a client who was quicker: the statement itself sees to it."""
    async with running(settings) as system, open_connections(settings) as connections:
        system.makers.before = Refusing(Asset.COVER)
        story_id = await system.post()
        await system.finished(story_id)

        async def command(name: str, asset: Asset) -> int:
            of = {"ids": [name], "story_ids": [story_id], "assets": [asset.value], "events": ["{}"]}
            return len([row async for row in queries().insert_commands(connections.pool, **of)])

        assert [await command("a", Asset.COVER), await command("a", Asset.COVER)] == [1, 0]
        assert await command("b", Asset.OUTLINE) == 0
        await system.pool.execute("UPDATE stories SET status = 'cancelled'")
        assert await command("c", Asset.COVER) == 0


async def test_two_dead_letters_of_one_asset_are_one_command(settings: Settings) -> None:
    async with running(settings) as system, open_connections(settings) as connections:
        system.makers.before = refusing = Refusing(Asset.COVER)
        story_id = await system.post()
        await system.finished(story_id)
        await replay(connections, await entries(connections))
        await until(lambda: refused_twice(refusing, system, story_id))
        letters = await entries(connections)
        refusing.assets.clear()
        again = await replay(connections, letters)
        await until(lambda: is_ready(system, story_id))
    assert len(letters) == 2
    assert [done for done, _ in said(again)] == [False, True]


async def refused_twice(refusing: Refusing, system: System, story_id: UUID) -> bool:
    ended = await system.rows("SELECT FROM stories WHERE id = $1 AND status = 'partial'", story_id)
    return refusing.refused == 2 and bool(ended)


async def test_what_cannot_be_replayed_says_why(settings: Settings) -> None:
    """A story that is cancelled, one that is gone, an asset that is there meanwhile, a message that is no job."""
    async with running(settings) as system, open_connections(settings) as connections:
        system.makers.before = Refusing(Asset.COVER)
        ids = [await system.post() for _ in range(3)]
        for story_id in ids:
            await system.finished(story_id)
        await system.pool.execute("UPDATE stories SET status = 'cancelled' WHERE id = $1", ids[0])
        await system.pool.execute("DELETE FROM stories WHERE id = $1", ids[1])
        await system.pool.execute(
            "UPDATE asset_generation_jobs SET status = 'ready' WHERE story_id = $1 AND asset_type = 'cover'", ids[2]
        )
        await system.bus.publish(system.bus.names.dead, [OutboundMessage(f"dead.images.{ids[0]}.cover", b"?", None)])
        replays = await replay(connections, await entries(connections))
        commands = await system.rows("SELECT FROM command_outbox")
    why = {one.entry.letter.story: one.message for one in replays if one.entry.letter.kind == "job"}
    assert "cancelled" in why[str(ids[0])]
    assert "deleted" in why[str(ids[1])]
    assert "ready now" in why[str(ids[2])]
    assert "no job can be read" in replays[-1].message
    assert not any(one.done for one in replays)
    assert not commands


async def test_a_dead_lettered_event_is_republished_and_applied_once(settings: Settings) -> None:
    async with running(settings, workers=(Service.CONTENT,)) as system, open_connections(settings) as connections:
        story_id = await system.post()
        await until(lambda: has_portrait_job(system, story_id))
        job = await system.job(story_id, Asset.PORTRAIT)
        now = datetime.now(UTC)
        failed = AssetFailed(
            id=f"{job.id}.failed", story_id=story_id, tenant_id=job.tenant_id, trace="", at=now, asset=job.asset,
            fingerprint=job.fingerprint, started_at=now, code="bug", reason="planted",
        )  # fmt: skip
        body = orjson.dumps({"event": failed.body.decode(), "reason": "cannot be folded"})
        await system.bus.publish(system.bus.names.dead, [OutboundMessage(f"dead.status.{story_id}.event", body, None)])
        (letter,) = await entries(connections, Filter(service="status"))
        first = await replay(connections, [letter])
        await until(lambda: is_failed(system, story_id))
        second = await replay(connections, [letter])
        await system.projector_idle()
        document = await system.rows("SELECT FROM inbox WHERE event_id = $1", failed.id)
    assert said(first) == [(True, "AssetFailed is published again")]
    assert "no effect" in said(second)[0][1]
    assert len(document) == 1


async def has_portrait_job(system: System, story_id: UUID) -> bool:
    return any(subject.endswith(f"{story_id}.portrait") for subject in await system.live_jobs())


async def is_failed(system: System, story_id: UUID) -> bool:
    found = "SELECT FROM asset_generation_jobs WHERE story_id = $1 AND asset_type = 'portrait' AND status = 'failed'"
    return bool(await system.rows(found, story_id))


async def test_a_dead_letter_is_shown_without_a_childs_name_unless_it_is_asked_for(settings: Settings) -> None:
    """Neither the brief nor what was written from it."""
    async with running(settings) as system, open_connections(settings) as connections:
        system.makers.before = Refusing(Asset.COVER)
        await system.finished(await system.post(NAMED))
        (entry,) = await entries(connections)
        code, shown = await ask(settings, "show", str(entry.id))
        _, full = await ask(settings, "show", str(entry.id), "--full")
        _, listed = await ask(settings, "list")
        missing, _ = await ask(settings, "show", "999999")
    document = json.loads(shown)
    assert (code, missing) == (OK, NOTHING_FOUND)
    assert document["code"] == "content_refused"
    assert document["letter"]["requestId"] == "req_7"
    assert "the provider will not draw this" in listed
    assert "Zebulona" not in shown + listed
    assert "Zebulona" in full


@pytest.fixture
async def planted(settings: Settings) -> list[str]:
    """Letters of three services and three codes, and one that is no letter; their codes, oldest first."""
    bus = await connect(settings, "test")
    await provision(bus.js, settings)
    found = []
    for service, code in [("images", "bug"), ("audio", "attempts_spent"), ("images", "content_refused")]:
        body = {"job": {"brief": {}}, "code": code, "reason": "planted", "attempts": 1, "at": "2026-01-01T00:00:00Z"}
        await bus.publish(
            bus.names.dead, [OutboundMessage(f"dead.{service}.{uuid4()}.cover", orjson.dumps(body), None)]
        )
        found.append(code)
    await bus.close()
    return found


async def test_dead_letters_are_chosen_by_service_code_and_time(settings: Settings, planted: list[str]) -> None:
    async def codes(*words: str) -> list[str]:
        _, out = await ask(settings, "list", "--json", *words)
        return [json.loads(line)["code"] for line in out.splitlines()]

    assert await codes() == planted
    assert await codes("--service", "images") == ["bug", "content_refused"]
    assert await codes("--code", "attempts_spent") == ["attempts_spent"]
    assert await codes("--since", "1h") == planted
    assert await codes("--since", "2999-01-01") == []
    assert (await ask(settings, "list", "--service", "documents"))[0] == NOTHING_FOUND


@pytest.mark.parametrize("width", [80, 100, 200])
async def test_the_list_has_ids_codes_and_reasons_however_narrow_it_is(
    width: int, settings: Settings, planted: list[str]
) -> None:
    out = Console(file=io.StringIO(), width=width, highlight=False)
    await read(["dead", "list"])(operator=Operator(settings, out))
    assert isinstance(out.file, io.StringIO)
    lines = out.file.getvalue().splitlines()
    rows = [line.split() for line in lines if line.strip()[0].isdigit()][:3]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [row[5] for row in rows] == planted
    assert [row[6] for row in rows] == ["planted"] * 3
    assert max(len(line) for line in lines) <= width


async def test_the_list_is_read_page_by_page_and_leaves_no_reader_behind(
    settings: Settings, planted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storyloom.operations.sources.FETCH_BATCH_SIZE", 2)
    async with open_connections(settings) as connections:
        assert [entry.letter.code for entry in await entries(connections)] == planted
        consumers = await connections.bus.js.consumers_info(connections.bus.names.dead)
    assert consumers == []


async def test_dead_letters_are_dropped_only_when_it_is_meant(settings: Settings, planted: list[str]) -> None:
    """Nobody is at the terminal here: without --yes nothing goes."""
    assert (await ask(settings, "drop", "--all"))[0] == USAGE
    assert (await ask(settings, "drop"))[0] == USAGE
    assert (await ask(settings, "drop", "1", "--code", "bug"))[0] == USAGE
    assert (await ask(settings, "drop", "--code", "bug", "--yes")) == (OK, "1 dead letter deleted.\n")
    async with open_connections(settings) as connections:
        left = await entries(connections)
    assert [entry.letter.code for entry in left] == planted[1:]
    assert (await ask(settings, "drop", str(left[0].id), "--yes"))[0] == OK
    assert (await ask(settings, "drop", str(left[0].id), "--yes"))[0] == NOTHING_FOUND


def test_an_unreachable_bus_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NATS_URL", "nats://127.0.0.1:1")
    monkeypatch.setattr("storyloom.messaging.connection.CONNECT_TIMEOUT_SECONDS", 0.3)
    assert main(["dead", "list"]) == 3
    assert capsys.readouterr().err == "NATS is unavailable: NATS cannot be reached at nats://127.0.0.1:1 (NATS_URL).\n"


def test_an_unreachable_database_is_one_sentence(
    settings: Settings, planted: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NATS_URL", settings.nats_url)
    monkeypatch.setenv("NATS_SUBJECT_PREFIX", settings.nats_subject_prefix)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    assert main(["dead", "replay", "--all"]) == 3
    assert capsys.readouterr().err.startswith("Postgres is unavailable: ")
