"""NATS with its accounts: every user can do what its service must, and what no service must is refused."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from local.nats import EmbeddedNats
from ops.deploy.logins import Logins, add_login, drop_login, read_logins
from ops.deploy.nats_accounts import USERS, accounts, hash_password, nats_urls
from storyloom.messaging.connection import BusUnavailableError, OutboundMessage, connect, denied_subject, inbox_prefix
from storyloom.messaging.topology import provision, topology_differences
from storyloom.operations.dead_letters import Filter, get_entries, list_entries
from storyloom.runtime.settings import NatsSettings
from tests.conftest import Background

STORY = "018f0000-0000-7000-8000-000000000001"


class Refusals(list[str]):
    """What the server has refused."""

    async def add(self, error: Exception) -> None:
        """The client's ``error_cb``."""
        self.append(denied_subject(error) or str(error))


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[Client, Refusals]]:
    refused = Refusals()
    client = await nats.connect(url, error_cb=refused.add, inbox_prefix=inbox_prefix(url))
    try:
        yield client, refused
    finally:
        await client.close()


async def settled(client: Client) -> None:
    """Return when the server has answered all that was sent: a first flush's ping overtakes what is being written."""
    await client.flush()
    await client.flush()


@pytest.fixture(scope="module")
def urls(background: Background, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """A server with every user, provisioned by the one that may: the URL of each user."""
    folder = tmp_path_factory.mktemp("accounts")
    logins = read_logins(folder / "passwords.json", USERS, hash_password)
    config = folder / "accounts.conf"
    config.write_text(accounts(logins, NatsSettings()))
    address = background.run(background.stack.enter_async_context(EmbeddedNats(folder / "nats", accounts=config)))
    found = nats_urls(logins, address.url)
    background.run(provisioned(found["migrate"]))
    return found


async def provisioned(url: str) -> None:
    settings = NatsSettings(nats_url=url)
    bus = await connect(settings, "migrate")
    try:
        await provision(bus.js, settings)
    finally:
        await bus.close()


API = "$JS.API"
NOBODY: tuple[tuple[str, str], ...] = (
    ("subscribe", ">"),
    ("subscribe", "_INBOX.>"),
    ("subscribe", "$JS.>"),
    ("subscribe", "story.evt.>"),
    ("subscribe", "job.>"),
    ("publish", f"{API}.STREAM.CREATE.OTHER"),
    ("publish", f"{API}.STREAM.DELETE.STORY"),
    ("publish", f"{API}.STREAM.DELETE.JOBS"),
    ("publish", f"{API}.CONSUMER.DELETE.JOBS.images-normal"),
    ("publish", f"{API}.CONSUMER.DELETE.STORY.status"),
    ("publish", f"{API}.CONSUMER.CREATE.JOBS.mine"),
    ("publish", "$SYS.REQ.SERVER.PING"),
    ("publish", "_INBOX.api.forged"),
)
"""What is no user's."""
_WORKERS_NOT = (
    ("publish", f"story.evt.StoryRequested.{STORY}"),
    ("publish", f"story.evt.StoryCancelled.{STORY}"),
    ("publish", f"story.evt.StoryCompleted.{STORY}"),
    ("publish", f"job.images.normal.{STORY}.cover"),
    ("publish", f"status.{STORY}"),
    ("publish", "workers.stop"),
    ("publish", "webhooks.due"),
    ("publish", f"{API}.STREAM.PURGE.JOBS"),
    ("publish", f"{API}.STREAM.UPDATE.JOBS"),
    ("publish", f"{API}.STREAM.CREATE.JOBS"),
    ("publish", f"{API}.STREAM.MSG.GET.STORY"),
    ("publish", f"{API}.CONSUMER.MSG.NEXT.STORY.status"),
    ("publish", f"dead.status.{STORY}.event"),
    ("subscribe", f"status.{STORY}"),
    ("subscribe", "live.*.progressed"),
)
REFUSED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "api": (
        ("publish", f"story.evt.AssetCompleted.{STORY}"),
        ("publish", f"story.evt.StoryCompleted.{STORY}"),
        ("publish", f"job.images.normal.{STORY}.cover"),
        ("publish", f"dead.api.{STORY}.cover"),
        ("publish", f"{API}.CONSUMER.MSG.NEXT.JOBS.images-normal"),
        ("publish", f"{API}.STREAM.CREATE.STORY"),
        ("publish", f"{API}.STREAM.MSG.GET.STORY"),
        ("subscribe", "ask.content.screening"),  # briefs, which name children
        ("subscribe", "workers.stop"),
    ),
    "status": (
        ("publish", f"story.evt.AssetCompleted.{STORY}"),
        ("publish", f"{API}.CONSUMER.MSG.NEXT.JOBS.images-normal"),
        ("publish", f"{API}.STREAM.PURGE.STORY"),
        ("publish", f"{API}.STREAM.PURGE.DEAD"),
        ("subscribe", "ask.content.screening"),
        ("subscribe", "webhooks.due"),
    ),
    "webhooks": (
        ("publish", f"story.evt.StoryCancelled.{STORY}"),
        ("publish", "webhooks.due"),
        ("publish", f"{API}.STREAM.INFO.STORY"),
        ("publish", f"{API}.CONSUMER.MSG.NEXT.STORY.status"),
        ("subscribe", f"status.{STORY}"),
    ),
    "content": (*_WORKERS_NOT, ("publish", f"{API}.CONSUMER.MSG.NEXT.JOBS.images-normal")),
    "images": (
        *_WORKERS_NOT,
        ("publish", f"{API}.CONSUMER.MSG.NEXT.JOBS.content-normal"),
        ("publish", "$JS.ACK.JOBS.content-normal.1.1.1.1.0"),
        ("publish", f"dead.content.{STORY}.text"),
        ("subscribe", "ask.content.screening"),
    ),
    "audio": (*_WORKERS_NOT, ("publish", f"{API}.CONSUMER.MSG.NEXT.JOBS.images-high")),
    "documents": (*_WORKERS_NOT, ("publish", f"{API}.CONSUMER.MSG.NEXT.JOBS.audio-urgent")),
    "migrate": (
        ("publish", f"story.evt.StoryRequested.{STORY}"),
        ("publish", f"{API}.STREAM.PURGE.JOBS"),
        ("publish", f"{API}.CONSUMER.MSG.NEXT.STORY.status"),
        ("subscribe", f"status.{STORY}"),
    ),
    "ops": (
        ("publish", f"job.images.normal.{STORY}.cover"),
        ("publish", f"{API}.STREAM.PURGE.JOBS"),
        ("publish", f"{API}.STREAM.MSG.DELETE.JOBS"),
        ("publish", f"{API}.CONSUMER.CREATE.STORY.status"),
        ("publish", f"{API}.CONSUMER.MSG.NEXT.STORY.status"),
        ("publish", f"{API}.CONSUMER.MSG.NEXT.JOBS.images-normal"),
        ("publish", "workers.stop"),
        ("subscribe", f"status.{STORY}"),
    ),
}
"""What each user is not to do, besides NOBODY."""


@pytest.mark.parametrize("user", REFUSED)
async def test_what_is_not_a_users_is_refused(urls: Mapping[str, str], user: str) -> None:
    async with connected(urls[user]) as (client, refused):
        for verb, subject in (*NOBODY, *REFUSED[user]):
            refused.clear()
            if verb == "publish":
                await client.publish(subject, b"{}")
            else:
                await client.subscribe(subject)
            await settled(client)
            assert [one.lower() for one in refused] == [
                f"{'publish' if verb == 'publish' else 'subscription'} {subject.lower()}"
            ]


async def test_every_user_has_a_refusal_tried_and_the_system_is_its_own(urls: Mapping[str, str]) -> None:
    assert set(REFUSED) | {"sys"} == set(USERS)
    async with connected(urls["sys"]) as (client, _):
        # Another account: it does not even see the streams.
        with pytest.raises(nats.js.errors.ServiceUnavailableError):
            await client.jetstream().stream_info("STORY")


async def test_a_wrong_password_is_a_sentence_that_names_the_setting(urls: Mapping[str, str]) -> None:
    wrong = urls["images"].replace("images:", "images:not-", 1)
    with pytest.raises(BusUnavailableError, match=r"NATS at 127\.0\.0\.1:\d+ refuses the user or password in NATS_URL"):
        await connect(NatsSettings(nats_url=wrong), "images")


async def test_a_job_goes_from_status_to_its_worker_and_its_dead_letter_to_operators(urls: Mapping[str, str]) -> None:
    settings = {user: NatsSettings(nats_url=url) for user, url in urls.items()}
    status, images, ops = [await connect(settings[user], user) for user in ("status", "images", "ops")]
    try:
        await status.publish("JOBS", [OutboundMessage(f"job.images.normal.{STORY}.cover", b"{}", None)])
        pulling = await images.js.pull_subscribe_bind("images-normal", stream="JOBS")
        (job,) = await pulling.fetch(1, timeout=5)
        await job.in_progress()
        await images.publish("DEAD", [OutboundMessage(f"dead.images.{STORY}.cover", b"{}", "1")])
        await job.ack_sync(timeout=5)
        assert (await status.js.consumer_info("JOBS", "images-normal")).num_ack_pending == 0
        (entry,) = [one async for one in list_entries(ops, Filter())]
        ((same,), absent) = await get_entries(ops, [entry.id])
        assert (same.id, same.letter.service, absent) == (entry.id, "images", [])
        assert await ops.js.delete_msg("DEAD", entry.id)
    finally:
        for bus in (status, images, ops):
            await bus.close()


async def test_workers_answer_each_other_and_nobody_else_can_hear_it(urls: Mapping[str, str]) -> None:
    async with connected(urls["images"]) as (images, _), connected(urls["audio"]) as (audio, refused):

        async def answer(message: Msg) -> None:
            await message.respond(b"none")

        await images.subscribe("workers.held", cb=answer)
        await settled(images)
        assert (await audio.request("workers.held", b"", timeout=5)).data == b"none"
        await audio.subscribe("_INBOX.images.>")
        await settled(audio)
        assert refused


async def test_status_brings_back_what_nats_has_lost_and_a_rotation_refuses_nobody(tmp_path: Path) -> None:
    logins = read_logins(tmp_path / "passwords.json", USERS, lambda password: password)
    config = tmp_path / "accounts.conf"
    config.write_text(accounts(logins, NatsSettings()))
    server = EmbeddedNats(tmp_path / "nats", accounts=config)
    async with server as address:
        old = nats_urls(logins, address.url)
        bus = await connect(NatsSettings(nats_url=old["status"]), "status")
        assert await bus.ensure_topology(full_check=True)
        assert await topology_differences(bus.js, bus.settings) == []
        await bus.close()

        async def reload(changed: Logins) -> Mapping[str, str]:
            config.write_text(accounts(changed, NatsSettings()))
            assert server.pid is not None
            os.kill(server.pid, signal.SIGHUP)
            return nats_urls(changed, address.url)

        async with connected(old["images"]) as (client, _):
            during = add_login(logins, "images", lambda password: password)
            new = await reload(during)
            await until_let_in(new["images"])
            await client.flush()
            assert await is_let_in(old["images"])
            await reload(drop_login(during, "images"))
            async with asyncio.timeout(20):
                while await is_let_in(old["images"]):  # noqa: ASYNC110 - the server tells nobody that it has read its file
                    await asyncio.sleep(0.05)
            assert await is_let_in(new["images"])


async def is_let_in(url: str) -> bool:
    client = Client()
    try:
        await client.connect(url, allow_reconnect=False, error_cb=Refusals().add)
    except nats.errors.Error:
        return False
    else:
        return True
    finally:
        await client.close()


async def until_let_in(url: str) -> None:
    async with asyncio.timeout(20):
        while not await is_let_in(url):  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.05)
