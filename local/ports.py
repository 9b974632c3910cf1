"""Ports on 127.0.0.1 that stay the same between starts as long as nobody else takes them."""

import fcntl
import json
import os
import random
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

# Below the ports that systems give to outgoing connections (from 32768 on Linux, from 49152 on macOS): in the seconds
# until the server listens, such a connection would take the port away.
_OURS = range(20_000, 32_000)


def free_port() -> int:
    """A port that nobody listens on now; whoever starts a server on it is ready to be beaten to it."""
    while not is_free(port := random.choice(_OURS)):
        continue
    return port


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now. Connections that are closing do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_held: dict[int, tuple[Path, int]] = {}
"""Ports that this process has promised, to whom, and the open file that keeps other stacks off until it ends."""


def _reserve(port: int, owner: Path) -> bool:
    """Take a port for an owner before anything listens on it: two stacks that start together must not meet there."""
    if port in _held:
        return _held[port][0] == owner
    try:
        file = os.open(Path(tempfile.gettempdir()) / f"storyloom-port-{port}", os.O_WRONLY | os.O_CREAT, 0o600)
    except OSError:  # another user's: then the server that comes first has it
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return False
    _held[port] = owner, file
    return True


class Ports:
    """Remembers one port a name in a JSON file, so that a restart keeps its URLs.

    ``usual`` are the ports to begin with, where they are free.
    """

    def __init__(self, path: Path, usual: Mapping[str, int] | None = None) -> None:
        self._path = path
        self._usual = usual or {}

    def choose(self, *names: str) -> list[int]:
        """A free port for each name, the remembered one where it is still free; what was chosen is remembered."""
        known = self._read()
        chosen: dict[str, int] = {}
        for name in names:
            port = known.get(name, self._usual.get(name))
            while port is None or port in chosen.values() or not is_free(port) or not _reserve(port, self._path):
                port = free_port()
            chosen[name] = port
        self._path.write_text(json.dumps(known | chosen))
        return [chosen[name] for name in names]

    def _read(self) -> dict[str, int]:
        try:
            known = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        if not isinstance(known, dict):
            return {}
        return {name: port for name, port in known.items() if isinstance(port, int) and 0 < port < 65_536}
