"""Ports on 127.0.0.1 that stay the same between starts as long as nobody else takes them."""

import atexit
import json
import random
import socket
from collections.abc import Mapping
from pathlib import Path

# Below the ports that systems give to outgoing connections (from 32768 on Linux, from 49152 on macOS): in the seconds
# until the server listens, such a connection would take the port away.
_PORT_RANGE = range(20_000, 32_000)


def free_port() -> int:
    """A port that nobody listens on now; whoever starts a server on it is ready to be beaten to it."""
    while not is_free(port := random.choice(_PORT_RANGE)):
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


_reserved: dict[int, tuple[Path, socket.socket]] = {}
"""Ports that this process has reserved, for whom, and the socket that keeps other stacks off until it ends."""


@atexit.register
def _release() -> None:
    """Close what keeps the ports: the end of the process would, and Python would complain of each."""
    for _, sign in _reserved.values():
        sign.close()


def _reserve(port: int, owner: Path) -> bool:
    """Take a port for an owner before anything listens on it: two stacks that start together must not meet there.

    The sign is a UDP socket of the same number: no server of ours uses UDP, it leaves no file, and the process's end
    ends it.
    """
    if port in _reserved:
        return _reserved[port][0] == owner
    sign = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sign.bind(("127.0.0.1", port))
    except OSError:
        sign.close()
        return False
    _reserved[port] = owner, sign
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
