"""Everything on one machine: servers, studio and services, started side by side and stopped in order."""

import asyncio
import errno
import json
import os
from pathlib import Path
from types import TracebackType

from pydantic import SecretStr

from local import programs
from local.child import Child
from local.errors import UserError
from local.external import NO_KEY, check_external
from local.locks import FolderLock
from local.memory import trim_heap
from local.own_urls import own_variable
from local.ports import Ports, is_free
from local.proxies import bypass_proxies
from local.servers import BackingServices, Servers, store_environment
from local.settings import LocalSettings
from local.state import Addresses, State, write_secret
from local.stopwatch import Stopwatch
from services.documents.book.renderer import check_libraries
from storyloom.db.pool import open_pool
from storyloom.runtime.settings import DatabaseSettings
from storyloom.story.errors import PermanentError

USUAL_PORTS = {"api": 8080}
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})


class Stack:
    """One stack in one state folder. Either ``start`` and ``stop``, or ``async with``, which gives its addresses.

    ``stop`` takes less than ten seconds and leaves no process; ``kill`` leaves none either, at once and rudely.
    ``replicas`` are further processes, like ``("content-2", "status-2")``, where each service has one of its own.
    """

    def __init__(self, settings: LocalSettings, *, replicas: tuple[str, ...] = ()) -> None:
        self.watch = Stopwatch()
        self._settings = settings
        self._programs = (*programs.SERVICES, *(replicas if settings.processes else ()))
        self._home = settings.storyloom_home.absolute()
        self._settings_file = self._home / "services.json"
        self._lock = FolderLock(self._home, "A stack")
        self._servers: Servers | None = None
        self._studio: Child | None = None
        self._services: dict[str, Child] = {}

    async def __aenter__(self) -> Addresses:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> Addresses:
        """Start everything; answer once every service says it is ready. Raises UserError, and leaves nothing then."""
        try:
            check_libraries()
        except PermanentError as missing:
            raise UserError(str(missing)) from missing
        bypass_proxies(os.environ)
        self._lock.take()
        try:
            addresses = await self.watch.time("all", self._start())
        except BaseException as error:
            await self.stop()
            user_error = as_user_error(error)
            if user_error is None or user_error is error:
                raise
            raise user_error from error
        else:
            trim_heap()
            return addresses

    async def stop(self) -> None:
        """Services first, so that they can hand back their jobs; then what they stand on. Safe to call twice.

        A stack that never started touches nothing: another one may be running in the folder.
        """
        if not self._lock.held:
            return
        try:
            await asyncio.gather(*(child.stop() for child in self._children()))
        finally:
            below = [part.stop() for part in (self._studio, self._servers) if part is not None]
            await asyncio.gather(*below)
            self._unpublish()
            self._lock.release()

    def kill(self) -> None:
        """Kill every process at once: the second Ctrl-C."""
        if not self._lock.held:
            return
        for child in (*self._children(), *([self._studio] if self._studio else [])):
            child.kill()
        if self._servers is not None:
            self._servers.kill()
        self._unpublish()

    @property
    def children(self) -> dict[str, Child]:
        """Everything that runs, by name: the servers that are ours, the studio, the services."""
        servers = self._servers.embedded if self._servers else {}
        running = {name: server.child for name, server in servers.items() if server.child is not None}
        running |= {"studio": self._studio} if self._studio else {}
        return running | self._services

    async def _start(self) -> Addresses:
        state = State(self._home)
        self._unpublish()
        ports = self._choose_ports(state)
        # Before anything is started: what is wrong outside is said at once, and a migration cannot be cut short.
        await check_external(self._settings)
        self._servers = Servers(self._settings, state, self.watch)
        async with asyncio.TaskGroup() as group:
            # What takes longest first: the studio loads its voice, the services import, while the servers start.
            if self._settings.needs_studio:
                group.create_task(self._start_studio(state, ports["studio"]))
            if not self._settings.processes:
                group.create_task(self._start_all_in_one(state, ports))
            starting = group.create_task(self._start_backing_services(state, ports))
        backing, key = starting.result()

        def publish() -> None:
            state.publish(self._addresses(backing, key, ports))

        for child in self.children.values():
            child.on_restart = publish
        publish()
        return self._addresses(backing, key, ports)

    async def _start_studio(self, state: State, port: int) -> None:
        self._studio = programs.studio(state, port, self._settings.studio_voice, self._settings.studio_latency)
        await self.watch.time("studio", self._studio.start())

    async def _start_all_in_one(self, state: State, ports: dict[str, int]) -> None:
        child = programs.all_in_one(state, self._settings_file, ports)
        self._services = dict.fromkeys(programs.SERVICES, child)
        await self.watch.time("services", child.start())

    async def _start_backing_services(self, state: State, ports: dict[str, int]) -> tuple[BackingServices, str]:
        """Start the servers, then pass their addresses to the services."""
        assert self._servers is not None
        backing = await self._servers.start()
        key = await _local_key(backing.database_url, state.api_key)
        environment = service_environment(self._settings, backing, ports)
        environment["RECEIPT_KEY"] = os.environ.get("RECEIPT_KEY") or state.receipt_key()
        write_secret(self._settings_file, json.dumps(environment))  # operators' commands read it, too
        if not self._settings.processes:
            return backing, key
        for name in self._programs:
            self._services[name] = programs.single(name, state, environment, ports)
        async with asyncio.TaskGroup() as group:
            for name, child in self._services.items():
                group.create_task(self.watch.time(name, child.start()))
        return backing, key

    def _choose_ports(self, state: State) -> dict[str, int]:
        names = [*programs.port_names(self._programs), "studio"]
        chosen = dict(zip(names, Ports(state.folder / "ports.json", USUAL_PORTS).choose(*names), strict=True))
        wanted = self._settings.http_port
        if wanted is not None:
            if not is_free(wanted):
                raise UserError(f"Port {wanted} is taken: set HTTP_PORT to another one, or leave it out.")
            chosen["api"] = wanted
        return chosen

    def _addresses(self, backing: BackingServices, key: str, ports: dict[str, int]) -> Addresses:
        running = {name: child.pid for name, child in self.children.items()}
        return Addresses(
            api_url=f"http://127.0.0.1:{ports['api']}",
            status_url=f"http://127.0.0.1:{ports['status']}",
            internal_urls={name: f"http://127.0.0.1:{ports[programs.internal(name)]}" for name in self._programs},
            api_key=key,
            database_url=backing.database_url,
            nats_url=backing.nats_url,
            nats_monitor_url=backing.nats_monitor_url,
            s3_endpoint_url=backing.store.s3_endpoint_url or "",
            studio_url=f"http://127.0.0.1:{ports['studio']}" if self._studio else None,
            processes={"local": os.getpid()} | {name: pid for name, pid in running.items() if pid is not None},
        )

    def _children(self) -> list[Child]:
        """The service processes, each once."""
        return list({id(child): child for child in self._services.values()}.values())

    def _unpublish(self) -> None:
        for name in ("local.json", self._settings_file.name):
            (self._home / name).unlink(missing_ok=True)


def service_environment(settings: LocalSettings, backing: BackingServices, ports: dict[str, int]) -> dict[str, str]:
    """The environment of every service. Variables that are set, like OPENAI_API_KEY, reach the services as they are."""
    studio = f"http://127.0.0.1:{ports['studio']}"
    environment = {
        # Operators' commands read these; every service has its own.
        "DATABASE_URL": backing.users.get(own_variable("ops", "DATABASE_URL"), backing.database_url),
        "NATS_URL": backing.users.get(own_variable("ops", "NATS_URL"), backing.nats_url),
        "STATUS_URL": f"http://127.0.0.1:{ports['status']}",
        "DRAIN_SECONDS": os.environ.get("DRAIN_SECONDS", str(programs.DRAIN_SECONDS)),
        # A receiver under development is on this machine, and has no certificate.
        "WEBHOOK_ALLOW_HTTP": os.environ.get("WEBHOOK_ALLOW_HTTP", "true"),
        "WEBHOOK_ALLOWED_NETWORKS": os.environ.get("WEBHOOK_ALLOWED_NETWORKS", '["127.0.0.0/8", "::1/128"]'),
    }
    environment |= {
        name: backing.users[name]
        for service in programs.SERVICES
        for name in (own_variable(service, "DATABASE_URL"), own_variable(service, "NATS_URL"))
        if name in backing.users
    }
    environment |= store_environment(backing.store)
    environment |= {f"{name.upper()}_PORT": str(ports[name]) for name in programs.PUBLIC}
    inside = {name: ports[programs.internal(name)] for name in programs.SERVICES}
    environment |= {f"{name.upper()}_INTERNAL_PORT": str(port) for name, port in inside.items()}
    if not settings.has_openai:
        environment |= {"OPENAI_BASE_URL": f"{studio}/v1", "OPENAI_API_KEY": "studio"}
        # What the studio does not tell is refused at the door, not by a story that fails.
        environment["STORY_LANGUAGES"] = os.environ.get("STORY_LANGUAGES", '["en"]')
    elif settings.openai_api_key is None:
        environment["OPENAI_API_KEY"] = NO_KEY
    if not settings.has_elevenlabs:
        environment |= {"ELEVENLABS_BASE_URL": studio, "ELEVENLABS_API_KEY": "studio"}
    elif settings.elevenlabs_api_key is None:
        environment["ELEVENLABS_API_KEY"] = NO_KEY
    return environment


async def _local_key(database_url: str, path: Path) -> str:
    # By now every other process is starting: until here nothing must keep them from it.
    from local.keys import ensure_local_key  # noqa: PLC0415

    pool = await open_pool(DatabaseSettings(database_url=SecretStr(database_url)), size=1)
    try:
        return await ensure_local_key(pool, path)
    finally:
        await pool.close()


def as_user_error(error: BaseException) -> UserError | None:
    """What a person can put right in what went wrong, None if it is a bug. A group is searched through."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for part in error.exceptions if (found := as_user_error(part))), None)
    if isinstance(error, UserError):
        return error
    if isinstance(error, OSError) and error.errno in _DISK:
        where = f" at {error.filename}" if error.filename else ""
        return UserError(f"The state folder cannot be used, {error.strerror}{where}: make room, or set STORYLOOM_HOME.")
    return None
