"""``make doctor|top|dead``: the operators' commands, against the stack that runs on this machine."""

import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local.errors import UserError
from local.programs import SERVICES, internal
from local.proxies import bypass_proxies
from local.settings import load_settings
from ops.__main__ import main as operate
from ops.connections import UNAVAILABLE

NAMED = {"DATABASE_URL": "databaseUrl", "NATS_URL": "natsUrl", "S3_ENDPOINT_URL": "s3EndpointUrl"}
"""Settings of the services that local.json names."""


def main(arguments: Sequence[str]) -> int:
    """Run one command; ``ARGS`` from the environment stands behind what is given."""
    bypass_proxies(os.environ)
    words = [*arguments, *shlex.split(os.environ.get("ARGS", ""))]
    try:
        home = load_settings().storyloom_home.absolute()
        description = _read(home / "local.json")
        os.environ.update(store_keys(_read(home / "store" / "credentials.json", or_else={})))
        os.environ.update(environment(description, _read(home / "services.json", or_else={})))
        if words[:1] == ["top"]:
            urls = metrics(description, _read(home / "ports.json", or_else={}))
            words += [part for url in urls for part in ("--metrics", url)]
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return UNAVAILABLE
    return operate(words)


def environment(description: dict[str, Any], services: dict[str, Any]) -> dict[str, str]:
    """The services' environment; where that is not written down, the addresses that local.json names."""
    found = {name: str(description[key]) for name, key in NAMED.items() if description.get(key)}
    return found | {name: str(value) for name, value in services.items()}


def store_keys(kept: dict[str, Any]) -> dict[str, str]:
    """The embedded store's own keys; none where it is another's."""
    names = {"AWS_ACCESS_KEY_ID": "access_key", "AWS_SECRET_ACCESS_KEY": "secret_key"}
    return {name: str(kept[key]) for name, key in names.items() if key in kept and name not in os.environ}


def metrics(description: dict[str, Any], ports: dict[str, Any]) -> list[str]:
    """Where metrics are to be read: once a process, however many services are in it."""
    found = {
        pid: f"http://127.0.0.1:{ports[internal(name)]}"
        for name, pid in description.get("processes", {}).items()
        if name.partition("-")[0] in SERVICES and internal(name) in ports
    }
    return [f"{url}/metrics" for url in found.values()]


def _read(path: Path, or_else: dict[str, Any] | None = None) -> dict[str, Any]:
    """A file that a running stack keeps. Raises UserError where none runs, and it is needed."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        if or_else is not None:
            return or_else
        raise UserError(f"No stack runs in {path.parent}: start one with `make up`.") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {type(error).__name__}.") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} does not hold what a stack writes.")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
