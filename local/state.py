"""The state folder: what is kept between starts, and ``local.json``, which says where a running stack answers."""

import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.errors import UserError


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything of a running stack answers, as ``local.json`` holds it. None stands for what is not ours."""

    api_url: str
    status_url: str
    internal_urls: dict[str, str]
    """Of each service process, by its name: health, metrics, the AsyncAPI document."""
    api_key: str = field(repr=False)
    database_url: str = field(repr=False)
    nats_url: str
    nats_monitor_url: str | None
    s3_endpoint_url: str
    studio_url: str | None
    processes: dict[str, int]

    def wire(self) -> dict[str, Any]:
        """camelCase, as in the file."""
        return {_camel(name): value for name, value in asdict(self).items()}


class State:
    """The folder ``.storyloom``. Making one raises UserError where it cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"Cannot write to {self.folder} ({error.strerror}): free or change it.") from error

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def local_json(self) -> Path:
        return self.folder / "local.json"

    @property
    def api_key(self) -> Path:
        return self.folder / "api-key"

    def receipt_key(self) -> str:
        """What this machine's receipts are signed with: made once, and only its owner can read it."""
        path = self.folder / "receipt-key"
        if not path.exists():
            write_secret(path, secrets.token_urlsafe(32))
        return path.read_text("utf-8").strip()

    def log(self, name: str) -> Path:
        """The log of one program. The last run's is kept beside it."""
        path = self.logs / f"{name}.log"
        with suppress(FileNotFoundError):
            path.replace(path.with_suffix(".log.1"))
        return path

    def publish(self, addresses: Addresses) -> None:
        """Say where everything is. The file is whole or absent, and only its owner can read it."""
        write_secret(self.local_json, json.dumps(addresses.wire(), indent=2) + "\n")


def running(folder: Path) -> tuple[str, str] | None:
    """(apiUrl, apiKey) of the stack that says it runs here, None if none does. It may have been killed since."""
    try:
        said = json.loads((folder / "local.json").read_text())
        return str(said["apiUrl"]), str(said["apiKey"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def ready_url(folder: Path) -> str | None:
    """Where the API of that stack says whether it is ready; None where the stack does not say."""
    try:
        said = json.loads((folder / "local.json").read_text())
        return str(said["internalUrls"]["api"]) + "/health/ready"
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, at one stroke."""
    making = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    making.replace(path)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
