"""Embedded store: ``nanio``, S3 over a folder of ours, on 127.0.0.1. It checks signatures and keeps its objects.

With ``conditional`` it honours ``If-None-Match`` too, as AWS S3 does; plain, it ignores that, as other stores do.
"""

import json
import os
import secrets
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from local.child import Child, Program
from local.embedded import Embedded
from local.http import ask
from local.ports import Ports
from storyloom.runtime.settings import StoreSettings

BUCKET = "storyloom"
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where the store answers and who may use it."""

    url: str
    access_key: str
    secret_key: str = field(repr=False)
    bucket: str = BUCKET

    def settings(self) -> StoreSettings:
        return StoreSettings(
            s3_endpoint_url=self.url,
            s3_bucket=self.bucket,
            aws_access_key_id=SecretStr(self.access_key),
            aws_secret_access_key=SecretStr(self.secret_key),
        )


class EmbeddedStore(Embedded[StoreAddress]):
    """``async with EmbeddedStore(folder) as store``. Its bucket is there when it is ready."""

    name = "The store"
    transient_errors = ("address already in use",)

    def __init__(self, folder: Path, *, log: Path | None = None, conditional: bool = False) -> None:
        super().__init__(folder, log=log)
        self._conditional = conditional

    async def prepare(self) -> None:
        """Make its key and its bucket, once."""
        self._access_key, self._secret_key = _credentials(self.folder / "credentials.json")
        # A bucket is a folder. Asking the store to make it would cost boto3's half second at every start.
        (self.folder / "data" / BUCKET).mkdir(parents=True, exist_ok=True)

    async def run(self) -> StoreAddress:
        """Start the server."""
        (port,) = Ports(self.folder / "ports.json").choose("store")
        self.child = Child(self._program(port), partial(_listens, port))
        await self.child.start()
        return StoreAddress(f"http://127.0.0.1:{port}", self._access_key, self._secret_key)

    def _program(self, port: int) -> Program:
        keys = {"NANIO_ACCESS_KEY": self._access_key, "NANIO_SECRET_KEY": self._secret_key}
        environment = os.environ | keys | {"NANIO_DATA_DIR": str(self.folder / "data")}
        plain = ("nanio", "serve", "--no-access-log", "--log-level", "warning")
        command = (sys.executable, "-m", *(("local.s3",) if self._conditional else plain))
        where = ("--host", "127.0.0.1", "--port", str(port))
        return Program(self.name, command + where, self.log, environment, _ROOT, grace=3)


async def _listens(port: int) -> bool:
    return await ask(port, "/") > 0  # unsigned, so it refuses: that is an answer


def _credentials(path: Path) -> tuple[str, str]:
    if not path.exists():
        made = {"access_key": secrets.token_hex(10), "secret_key": secrets.token_urlsafe(30)}
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(made, out)
    kept = json.loads(path.read_text())
    return kept["access_key"], kept["secret_key"]
