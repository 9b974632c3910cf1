"""docs/openapi.json: the OpenAPI document of the api, as it serves it with the default settings."""

import json
from functools import cache
from pathlib import Path

from services.api.docs import openapi


def text(root: Path) -> str:
    """The document as JSON, the same whatever the environment says."""
    del root
    return _text()


@cache
def _text() -> str:
    """Made once a process: what it is made from is imported, not read from a checkout."""
    return json.dumps(openapi(), indent=1, ensure_ascii=False) + "\n"
