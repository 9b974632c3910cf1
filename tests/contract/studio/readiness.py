"""Waiting for a studio's workers."""

from __future__ import annotations

import json
import time
import urllib.request


def wait_until_warm(url: str) -> None:
    """Ask until one painter and one speaker are ready; the test's own time-out is the end of patience."""
    while True:
        with urllib.request.urlopen(f"{url}/studio/health") as answer:
            if json.load(answer)["warm"] == {"painters": 1, "speakers": 1}:
                return
        time.sleep(0.05)
