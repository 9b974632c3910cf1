"""How a process connects to NATS is said once: messaging/connection.connect, which the FastStream broker uses, too."""

import re
from pathlib import Path

from storyloom.messaging import connection

ROOT = Path(__file__).parents[3]


def test_services_connect_to_nats_in_one_place() -> None:
    """A second set of options would forget that reconnects never end: a client whose are spent spins the event loop."""
    sources = [path for folder in ("storyloom", "services", "ops") for path in (ROOT / folder).rglob("*.py")]
    connecting = [path for path in sources if re.search(r"\bnats\.connect\(|\bmax_reconnect", path.read_text("utf-8"))]
    assert [str(path) for path in connecting] == [connection.__file__]
