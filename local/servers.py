"""The servers behind the services: embedded, or the external ones that the environment names."""

import asyncio
import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from local.embedded import Embedded
from local.errors import UserError
from local.nats import EmbeddedNats, NatsAddress
from local.own_urls import own_variable
from local.postgres import EmbeddedPostgres
from local.settings import LocalSettings
from local.state import State
from local.stopwatch import Stopwatch
from local.store import EmbeddedStore
from ops.deploy.logins import LoginsError
from storyloom.db.migrate import MigrationFailed, migrate
from storyloom.runtime.settings import StoreSettings
from storyloom.storage.objects import Objects
from storyloom.story.errors import PermanentError, RetryableError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BackingServices:
    """What the services stand on. The database is migrated, the bus answers, the bucket is there.

    ``database_url`` and ``nats_url`` may do everything. ``users`` are those of the services and of operators, where the
    servers are ours: variables as ``IMAGES_NATS_URL``.
    """

    database_url: str
    nats_url: str
    nats_monitor_url: str | None
    store: StoreSettings
    users: Mapping[str, str] = field(default_factory=dict, repr=False)


class Servers:
    """Starts what is not external, all at once."""

    def __init__(self, settings: LocalSettings, state: State, watch: Stopwatch) -> None:
        self._settings = settings
        self._state = state
        self._watch = watch
        self.embedded: dict[str, Embedded[Any]] = {}
        self._users: dict[str, str] = {}

    async def start(self) -> BackingServices:
        """Raises UserError; ``stop`` then stops what had started."""
        async with asyncio.TaskGroup() as group:
            database = group.create_task(self._database())
            bus = group.create_task(self._bus())
            store = group.create_task(self._store())
        nats = bus.result()
        return BackingServices(database.result(), nats.url, nats.monitor_url or None, store.result(), self._users)

    async def stop(self) -> None:
        """Stop what is ours. Data stays."""
        await asyncio.gather(*(server.stop() for server in self.embedded.values()))

    def kill(self) -> None:
        """Kill what is ours, at once."""
        for server in self.embedded.values():
            server.kill()

    async def _database(self) -> str:
        given = self._settings.database_url
        if given is None:
            log = self._state.log("postgres")
            url = await self._run("postgres", EmbeddedPostgres(self._state.folder / "postgres", log=log))
        else:
            url = given.get_secret_value()
        try:
            await self._watch.time("migrations", asyncio.to_thread(migrate, url))
        except MigrationFailed as error:
            raise UserError(f"The database could not be migrated: {error}.") from error
        if given is None:
            access = await asyncio.to_thread(importlib.import_module, "local.access")
            with _explained():
                urls = await self._watch.time("roles", access.database_urls(self._access, url))
            self._add_users("DATABASE_URL", urls)
        return url

    async def _bus(self) -> NatsAddress:
        if self._settings.nats_url is not None:
            return NatsAddress(self._settings.nats_url, self._settings.nats_monitor_url or "")
        # NATS's client takes long to import, and nothing else of the launcher needs it.
        access = await asyncio.to_thread(importlib.import_module, "local.access")
        with _explained():
            users = await asyncio.to_thread(access.nats_access, self._access)
        server = EmbeddedNats(self._state.folder / "nats", log=self._state.log("nats"), accounts=users.config)
        address = await self._run("nats", server)
        urls = users.urls(address.url)
        await self._watch.time("streams", access.provision(urls["migrate"]))
        self._add_users("NATS_URL", urls)
        return NatsAddress(urls[access.OWNER], address.monitor_url)

    @property
    def _access(self) -> Path:
        return self._state.folder / "access"

    def _add_users(self, variable: str, urls: Mapping[str, str]) -> None:
        self._users |= {own_variable(user, variable): url for user, url in urls.items()}

    async def _store(self) -> StoreSettings:
        if self._settings.s3_endpoint_url is None:
            log = self._state.log("store")
            address = await self._run("store", EmbeddedStore(self._state.folder / "store", log=log, conditional=True))
            return address.settings()
        try:
            settings = StoreSettings()
        except ValidationError as error:
            raise UserError(f"The S3 settings are wrong: {error.errors()[0]['msg']}.") from error
        await self._watch.time("bucket", _make_bucket(settings))
        return settings

    async def _run(self, name: str, server: Embedded[T]) -> T:
        self.embedded[name] = server
        return await self._watch.time(name, server.start())


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except LoginsError as error:
        raise UserError(f"{error} Remove the file: new passwords are made.") from error


async def _make_bucket(settings: StoreSettings) -> None:
    objects = Objects(settings, threads=1)
    try:
        await objects.make_bucket()
    except (RetryableError, PermanentError) as error:
        where = settings.s3_endpoint_url
        raise UserError(f"S3_ENDPOINT_URL cannot be used, {where} says {error}: correct it and the keys.") from error
    finally:
        await objects.close()


def store_environment(store: StoreSettings) -> dict[str, str]:
    """The store's settings as services read them."""
    key, secret = store.aws_access_key_id, store.aws_secret_access_key
    environment = {
        "S3_ENDPOINT_URL": store.s3_endpoint_url,
        "S3_BUCKET": store.s3_bucket,
        "AWS_ACCESS_KEY_ID": key and key.get_secret_value(),
        "AWS_SECRET_ACCESS_KEY": secret and secret.get_secret_value(),
    }
    return {name: value for name, value in environment.items() if value}
